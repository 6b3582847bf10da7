// Morphs an element into a fresh copy, changing only what differs, so that focus, selection, scroll position, and what
// was checked, typed or collapsed stay. Children are matched by id and get the class `is-new` or `is-changed`. Elements
// with `data-keep` are left alone; changes of those with `data-quiet` are not marked.

const MARKS = ["is-new", "is-changed"];
const canMove = "moveBefore" in Element.prototype;

const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
const keyOf = (node) => (isElement(node) && node.id) || null;
const isBlank = (node) => node.nodeType === Node.TEXT_NODE && !node.data.trim();
const isAlike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

// `open` is up to the reader, and relative times update themselves.
const isControlledByReader = (element, name) => name === "open" && element.matches("details, dialog");
const isSameTime = (one, other) => one.matches("time[data-relative]") && one.dateTime === other.dateTime;

function unmark(element) {
  if (!MARKS.some((mark) => element.classList.contains(mark))) return;
  element.classList.remove(...MARKS);
  if (!element.classList.length) element.removeAttribute("class");
}

function morphAttributes(old, fresh) {
  let changed = false;
  for (const { name, value } of fresh.attributes) {
    if (isControlledByReader(old, name) || old.getAttribute(name) === value) continue;
    old.setAttribute(name, value);
    changed = true;
  }
  for (const { name } of [...old.attributes]) {
    if (isControlledByReader(old, name) || fresh.hasAttribute(name)) continue;
    old.removeAttribute(name);
    changed = true;
  }
  return changed;
}

// Returns whether anything changed, besides children with an id, which are marked themselves.
function morphNode(old, fresh) {
  if (!isElement(old)) {
    if (old.data === fresh.data) return false;
    old.data = fresh.data;
    return true;
  }
  unmark(old);
  if (old.hasAttribute("data-keep") || isSameTime(old, fresh) || old.isEqualNode(fresh)) return false;
  const changed = [morphAttributes(old, fresh), morphChildren(old, fresh)].some(Boolean);
  return changed && !old.hasAttribute("data-quiet");
}

function moveBefore(parent, node, before) {
  if (canMove && parent.isConnected) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

// Adding or removing a child with an id, or whitespace, does not count as a change of the parent.
const isParentChange = (node) => !keyOf(node) && !isBlank(node);

function morphChildren(parent, fresh) {
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
    changed ||= isParentChange(gone);
  };
  for (const child of wanted) {
    const key = keyOf(child);
    while (next && (keyOf(next) ? !keys.has(next.id) : key && isBlank(next))) remove();
    const old = key ? known.get(key) : next && !keyOf(next) && next;
    if (!old || !isAlike(old, child)) {
      if (key) child.classList.add("is-new");
      changed ||= isParentChange(child);
      parent.insertBefore(child, next);
      continue;
    }
    if (old === next) skip();
    else moveBefore(parent, old, next);
    const differs = morphNode(old, child);
    if (!key) changed ||= differs;
    else if (differs) old.classList.add("is-changed");
  }
  while (next) remove();
  return changed;
}

export function morph(old, fresh) {
  morphNode(old, fresh);
}
