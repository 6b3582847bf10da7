// Buttons that unfold or fold all of an element: `data-fold-all="#id"`. Its outermost level stays unfolded.

function click(event) {
  const button = event.target.closest("[data-fold-all]");
  const tree = button && document.querySelector(button.dataset.foldAll);
  if (!tree) return;
  const all = [...tree.querySelectorAll("details")];
  const inner = all.filter((one) => one.parentElement !== tree);
  const unfold = all.some((one) => !one.open);
  for (const one of unfold ? all : inner) one.open = unfold;
}

export function start() {
  document.addEventListener("click", click);
}
