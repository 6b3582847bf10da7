// Shows the controls that do nothing without a script; pages hide them.

const CONTROLS = "[data-copy], [data-fold-all], [data-select-all], [data-theme-switch]";

export function reveal(root) {
  for (const control of root.querySelectorAll(CONTROLS)) control.hidden = false;
}
