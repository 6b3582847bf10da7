// Keeps regions up to date: elements with an id and the topics they show, `data-live="jobs queue:email"`. When one of
// these topics becomes stale, the page is fetched again and the region is morphed into its new state.

import { morph } from "./morph.mjs";
import { revealControls } from "./reveal-controls.mjs";
import { start as listen } from "./topic-stream.mjs";

// Milliseconds between two requests; doubled after each error.
const INTERVAL = 1_000;
const LONGEST_INTERVAL = 30_000;
// What a reader types into; the region around it is not updated while it has the focus.
const FIELDS = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), select, textarea";

const stale = new Set();
let isFetching = false;
let timer = null;
let failures = 0;
let notBefore = 0;

const regions = () => document.querySelectorAll("[data-live][id]");

function isInUse(region) {
  const focused = document.activeElement;
  return region.closest("dialog:not([open])") || (focused?.matches(FIELDS) && region.contains(focused));
}

function shows(region, topics) {
  return region.dataset.live.split(" ").some((topic) => topics.has(topic) || topics.has(topic.replace(/:.*/, "s:all")));
}

function markStale(names) {
  const topics = new Set(names);
  for (const region of regions()) if (topics.has("all") || shows(region, topics)) stale.add(region.id);
  schedule();
}

function schedule() {
  if (isFetching || timer !== null || document.hidden) return;
  if (![...regions()].some((region) => stale.has(region.id) && !isInUse(region))) return;
  timer = setTimeout(refresh, Math.max(0, notBefore - performance.now()));
}

function update(page, ids) {
  for (const id of ids) {
    const region = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!region || !fresh) continue;
    if (isInUse(region)) {
      stale.add(id);
      continue;
    }
    revealControls(fresh);
    morph(region, fresh);
    region.dispatchEvent(new CustomEvent("updated", { bubbles: true }));
  }
}

async function fetchPage() {
  const url = location.href;
  const headers = { Accept: "text/html", "X-Requested-With": "live" };
  const answer = await fetch(url, { headers, cache: "no-store" });
  if (answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
  // If the page is gone, keep showing its last state.
  if (!answer.ok || location.href !== url) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function refresh() {
  timer = null;
  if (document.hidden) return;
  isFetching = true;
  const ids = [...stale];
  stale.clear();
  notBefore = performance.now() + INTERVAL;
  try {
    const page = await fetchPage();
    if (page) update(page, ids);
    failures = 0;
  } catch {
    for (const id of ids) stale.add(id);
    failures += 1;
    notBefore = performance.now() + Math.min(INTERVAL * 2 ** failures, LONGEST_INTERVAL);
  }
  isFetching = false;
  schedule();
}

export function start() {
  document.addEventListener("visibilitychange", schedule);
  // The reader may have finished with a region.
  document.addEventListener("focusout", () => setTimeout(schedule));
  document.addEventListener("toggle", schedule, true);
  listen(markStale);
}
