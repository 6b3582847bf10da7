// Brings an element to what a fresh copy of it shows, and touches only what differs: focus, selection, scroll
// position, what is checked, written or folded stay. Children with an id are matched by it, and get the class
// `is-new` or `is-changed`. `data-keep`: not touched. `data-quiet`: its change does not count as one.

const MARKS = ["is-new", "is-changed"];
const canMove = "moveBefore" in Element.prototype;

const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
const keyOf = (node) => (isElement(node) && node.id) || null;
const isBlank = (node) => node.nodeType === Node.TEXT_NODE && !node.data.trim();
const isAlike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

// `open` is the reader's own; what says how long ago a time is, ticks by itself.
const isReaders = (element, name) => name === "open" && element.matches("details, dialog");
const isSameTime = (one, other) => one.matches("time[data-relative]") && one.dateTime === other.dateTime;

function unmark(element) {
  if (!MARKS.some((mark) => element.classList.contains(mark))) return;
  element.classList.remove(...MARKS);
  if (!element.classList.length) element.removeAttribute("class");
}

function swapAttributes(old, fresh) {
  let changed = false;
  for (const { name, value } of fresh.attributes) {
    if (isReaders(old, name) || old.getAttribute(name) === value) continue;
    old.setAttribute(name, value);
    changed = true;
  }
  for (const { name } of [...old.attributes]) {
    if (isReaders(old, name) || fresh.hasAttribute(name)) continue;
    old.removeAttribute(name);
    changed = true;
  }
  return changed;
}

// Whether anything changed that no child with an id was marked for.
function swapNode(old, fresh) {
  if (!isElement(old)) {
    if (old.data === fresh.data) return false;
    old.data = fresh.data;
    return true;
  }
  unmark(old);
  if (old.hasAttribute("data-keep") || isSameTime(old, fresh) || old.isEqualNode(fresh)) return false;
  const changed = [swapAttributes(old, fresh), swapChildren(old, fresh)].some(Boolean);
  return changed && !old.hasAttribute("data-quiet");
}

function place(parent, node, before) {
  if (canMove && parent.isConnected) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

// Children that come and go with an id, and blanks between them, are no change of their parent.
const counts = (node) => !keyOf(node) && !isBlank(node);

function swapChildren(parent, fresh) {
  const wanted = [...fresh.childNodes];
  const keys = new Set(wanted.map(keyOf).filter(Boolean));
  const known = new Map([...parent.children].filter(keyOf).map((child) => [child.id, child]));
  let changed = false;
  let next = parent.firstChild;
  const skip = () => {
    next = next.nextSibling;
  };
  const remove = () => {
    const gone = next;
    skip();
    gone.remove();
    changed ||= counts(gone);
  };
  for (const child of wanted) {
    const key = keyOf(child);
    while (next && (keyOf(next) ? !keys.has(next.id) : key && isBlank(next))) remove();
    const old = key ? known.get(key) : next && !keyOf(next) && next;
    if (!old || !isAlike(old, child)) {
      if (key) child.classList.add("is-new");
      changed ||= counts(child);
      parent.insertBefore(child, next);
      continue;
    }
    if (old === next) skip();
    else place(parent, old, next);
    const differs = swapNode(old, child);
    if (!key) changed ||= differs;
    else if (differs) old.classList.add("is-changed");
  }
  while (next) remove();
  return changed;
}

export function swap(old, fresh) {
  swapNode(old, fresh);
}
