// Adds rows to a form's lists in place. Without this script, the same button gets them from the server.

// Names and ids begin with the name of their row: `jobData.to.2`, `jobData.to.2.name`, `jobData.to.2:error`.
const ATTRIBUTES = ["id", "name", "for", "value", "aria-describedby", "data-rows", "formaction"];

function renamed(text, from, to) {
  return text
    .split(" ")
    .map((word) => {
      const [page, name] = word.startsWith("/jobs/new#") ? ["/jobs/new#", word.slice(10)] : ["", word];
      const isInRow = name === from || name.startsWith(`${from}.`) || name.startsWith(`${from}:`);
      return isInRow ? page + to + name.slice(from.length) : word;
    })
    .join(" ");
}

function clear(row) {
  for (const select of row.querySelectorAll("select")) select.selectedIndex = 0;
  for (const area of row.querySelectorAll("textarea")) area.value = "";
  const chosen = new Set();
  for (const input of row.querySelectorAll("input")) {
    if (input.type === "checkbox") input.checked = false;
    else if (input.type === "radio") {
      input.checked = !chosen.has(input.name);
      chosen.add(input.name);
    } else if (input.type !== "hidden") input.value = "";
  }
}

function addRow(list) {
  const rows = [...list.children];
  const last = rows.at(-1);
  const number = Math.max(...rows.map((row) => Number(row.dataset.row))) + 1;
  const from = `${list.dataset.rows}.${last.dataset.row}`;
  const row = last.cloneNode(true);
  row.dataset.row = number;
  for (const element of row.querySelectorAll("*")) {
    for (const name of ATTRIBUTES) {
      const text = element.getAttribute(name);
      if (text !== null) element.setAttribute(name, renamed(text, from, `${list.dataset.rows}.${number}`));
    }
  }
  row.querySelector("input[type=hidden]").value = number;
  for (const shown of row.querySelectorAll("[data-number]")) {
    if (shown.closest("[data-row]") === row) shown.textContent = rows.length + 1;
  }
  clear(row);
  list.append(row);
  row.querySelector("input:not([type=hidden]), textarea, select")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[name=add_rows]");
  const list = button && document.querySelector(`[data-rows="${CSS.escape(button.value)}"]`);
  if (!list?.lastElementChild) return;
  event.preventDefault();
  addRow(list);
  button.hidden = list.children.length >= Number(list.dataset.maxRows);
});
