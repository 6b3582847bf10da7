// Shows the controls that need a script, which pages hide at first.

const CONTROLS = "[data-copy], [data-toggle-all], [data-select-all], [data-theme-switch]";

export function revealControls(root) {
  for (const control of root.querySelectorAll(CONTROLS)) control.hidden = false;
}
