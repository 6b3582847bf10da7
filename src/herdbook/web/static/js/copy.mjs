// Buttons that copy the text of an element: `data-copy="#id"`.

// Milliseconds for which a button says that it did.
const SAID = 1_500;

// For pages that are not served over https, where there is no clipboard.
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
  if (!source || button.dataset.said) return;
  const name = button.textContent;
  const copied = await copy(source.textContent);
  button.focus();
  button.textContent = copied ? "Copied" : "Not copied";
  button.dataset.said = name;
  setTimeout(() => {
    button.textContent = name;
    delete button.dataset.said;
  }, SAID);
}

export function start() {
  document.addEventListener("click", click);
}
