// Hears what went stale: through the browser's shared worker, or on a stream of its own where there is none.

import { listen } from "./source.mjs";

// Milliseconds after which a stream that is not there is worth a word.
const PATIENCE = 3_000;
let saying = null;

function say(words) {
  const place = document.getElementById("live-state");
  if (place && place.textContent !== words) place.textContent = words;
}

function show(live) {
  document.documentElement.dataset.live = live ? "on" : "off";
  clearTimeout(saying);
  if (live) say("Live");
  else saying = setTimeout(say, PATIENCE, "Not live: connecting…");
}

function listenAlone(onTopics) {
  listen(onTopics, show);
}

function listenShared(onTopics) {
  const worker = new SharedWorker(new URL("./events-worker.mjs", import.meta.url), { type: "module", name: "herdbook" });
  // Where module workers are unknown the script fails to load.
  worker.addEventListener("error", () => listenAlone(onTopics), { once: true });
  const { port } = worker;
  port.onmessage = ({ data }) => {
    show(data.live);
    if (data.topics.length) onTopics(data.topics);
  };
  // What was heard since the page was asked for may not be on it.
  let since = performance.timeOrigin;
  port.postMessage({ since });
  // A page that was left may be shown again as it was.
  addEventListener("pagehide", () => {
    since = Date.now();
    port.postMessage({ bye: true });
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) port.postMessage({ since });
  });
}

// Calls `onTopics` with lists of topics. `data-live` of the root element tells whether the stream is there, `on` or
// `off`, and the element `live-state` says so in words.
export function start(onTopics) {
  show(false);
  if ("SharedWorker" in window) listenShared(onTopics);
  else listenAlone(onTopics);
}
