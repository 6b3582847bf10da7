// Receives stale topics through the browser's shared worker, or by a stream of its own where there is none.

import { listen } from "./event-source.mjs";

// How long the stream may be interrupted before the page says so, in milliseconds.
const GRACE_PERIOD = 3_000;
let timer = null;

function setStateText(text) {
  const element = document.getElementById("live-state");
  if (element && element.textContent !== text) element.textContent = text;
}

function showState(live) {
  document.documentElement.dataset.live = live ? "on" : "off";
  clearTimeout(timer);
  if (live) setStateText("Live");
  else timer = setTimeout(setStateText, GRACE_PERIOD, "Not live, reconnecting…");
}

function listenAlone(onTopics) {
  listen(onTopics, showState);
}

function listenShared(onTopics) {
  const worker = new SharedWorker(new URL("./events-shared-worker.mjs", import.meta.url), { type: "module", name: "herdbook" });
  // A browser without module workers fails to load the script.
  worker.addEventListener("error", () => listenAlone(onTopics), { once: true });
  const { port } = worker;
  port.onmessage = ({ data }) => {
    showState(data.live);
    if (data.topics.length) onTopics(data.topics);
  };
  // What changed since the page was requested may not be on it.
  let since = performance.timeOrigin;
  port.postMessage({ since });
  // A page that was left may be restored from the back/forward cache.
  addEventListener("pagehide", () => {
    since = Date.now();
    port.postMessage({ leaving: true });
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) port.postMessage({ since });
  });
}

// Calls `onTopics` with lists of topics. Whether the stream is open is shown by `data-live` of the root element, `on` or
// `off`, and in words by the element `live-state`.
export function start(onTopics) {
  showState(false);
  if ("SharedWorker" in window) listenShared(onTopics);
  else listenAlone(onTopics);
}
