// Buttons that expand or collapse everything in an element, `data-toggle-all="#id"`, except its outermost level.

function click(event) {
  const button = event.target.closest("[data-toggle-all]");
  const tree = button && document.querySelector(button.dataset.toggleAll);
  if (!tree) return;
  const all = [...tree.querySelectorAll("details")];
  const inner = all.filter((one) => one.parentElement !== tree);
  const expand = all.some((one) => !one.open);
  for (const one of expand ? all : inner) one.open = expand;
}

export function start() {
  document.addEventListener("click", click);
}
