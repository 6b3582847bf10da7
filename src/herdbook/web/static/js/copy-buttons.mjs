// Buttons that copy the text of an element: `data-copy="#id"`.

// How long a button shows the outcome, in milliseconds.
const FEEDBACK_TIME = 1_500;

// For pages served without https, where the clipboard API is not available.
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

async function click(event) {
  const button = event.target.closest("[data-copy]");
  const source = button && document.querySelector(button.dataset.copy);
  if (!source || button.dataset.label) return;
  const label = button.textContent;
  const copied = await copy(source.textContent);
  button.focus();
  button.textContent = copied ? "Copied" : "Copy failed";
  button.dataset.label = label;
  setTimeout(() => {
    button.textContent = label;
    delete button.dataset.label;
  }, FEEDBACK_TIME);
}

export function start() {
  document.addEventListener("click", click);
}
