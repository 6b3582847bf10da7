// Keeps regions fresh: elements with an id and the topics they show, `data-live="jobs queue:email"`. When a topic
// of one goes stale, the page asks for itself again and swaps that region in.

import { reveal } from "./reveal.mjs";
import { start as listen } from "./stream.mjs";
import { swap } from "./swap.mjs";

// Milliseconds from one request to the next; after errors twice as many each time.
const PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
// What a reader writes into, so that its region has to wait.
const FIELDS = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), select, textarea";

const stale = new Set();
let isAsking = false;
let timer = null;
let failures = 0;
let notBefore = 0;

const regions = () => document.querySelectorAll("[data-live][id]");

function isHeld(region) {
  const focused = document.activeElement;
  return region.closest("dialog:not([open])") || (focused?.matches(FIELDS) && region.contains(focused));
}

function shows(region, topics) {
  return region.dataset.live.split(" ").some((topic) => topics.has(topic) || topics.has(topic.replace(/:.*/, "s:all")));
}

function hear(names) {
  const topics = new Set(names);
  for (const region of regions()) if (topics.has("all") || shows(region, topics)) stale.add(region.id);
  plan();
}

function plan() {
  if (isAsking || timer !== null || document.hidden) return;
  if (![...regions()].some((region) => stale.has(region.id) && !isHeld(region))) return;
  timer = setTimeout(refresh, Math.max(0, notBefore - performance.now()));
}

function showFresh(page, names) {
  for (const id of names) {
    const region = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!region || !fresh) continue;
    if (isHeld(region)) {
      stale.add(id);
      continue;
    }
    reveal(fresh);
    swap(region, fresh);
    region.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
  }
}

async function ask() {
  const address = location.href;
  const headers = { Accept: "text/html", "X-Requested-With": "live" };
  const answer = await fetch(address, { headers, cache: "no-store" });
  if (answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
  // What is gone stays as it was; a reload tells.
  if (!answer.ok || location.href !== address) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function refresh() {
  timer = null;
  if (document.hidden) return;
  isAsking = true;
  const names = [...stale];
  stale.clear();
  notBefore = performance.now() + PAUSE;
  try {
    const page = await ask();
    if (page) showFresh(page, names);
    failures = 0;
  } catch {
    for (const id of names) stale.add(id);
    failures += 1;
    notBefore = performance.now() + Math.min(PAUSE * 2 ** failures, LONGEST_PAUSE);
  }
  isAsking = false;
  plan();
}

export function start() {
  document.addEventListener("visibilitychange", plan);
  // What held a region may have let go of it.
  document.addEventListener("focusout", () => setTimeout(plan));
  document.addEventListener("toggle", plan, true);
  listen(hear);
}
