// Selects rows by their checkboxes named `id`, in a form with `data-select`. `data-select-all` checks all of them, a
// click with Shift a range. `data-selected-count` shows the number; `data-selection-bar` is visible while it is not 0.

const BOXES = "input[type=checkbox][name=id]";
const lastBoxes = new WeakMap();

function show(form) {
  const boxes = [...form.querySelectorAll(BOXES)];
  const count = boxes.filter((box) => box.checked).length;
  for (const element of form.querySelectorAll("[data-selected-count]")) element.textContent = count.toLocaleString();
  for (const bar of form.querySelectorAll("[data-selection-bar]")) bar.hidden = count === 0;
  for (const all of form.querySelectorAll("[data-select-all]")) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
}

function showAll() {
  for (const form of document.querySelectorAll("[data-select]")) show(form);
}

function checkBetween(form, last, box) {
  const boxes = [...form.querySelectorAll(BOXES)];
  const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
  if (from < 0) return;
  for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
}

function click(event) {
  const form = event.target.closest("[data-select]");
  if (!form) return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of form.querySelectorAll(BOXES)) box.checked = event.target.checked;
  } else if (event.target.matches(BOXES)) {
    if (event.shiftKey) checkBetween(form, lastBoxes.get(form), event.target);
    lastBoxes.set(form, event.target);
  } else return;
  show(form);
}

export function start() {
  document.addEventListener("click", click);
  document.addEventListener("updated", showAll);
  // Browsers restore checked boxes when they return to a page.
  addEventListener("pageshow", showAll);
  showAll();
}
