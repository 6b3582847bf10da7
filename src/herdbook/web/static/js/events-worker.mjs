// A shared worker: holds the one stream of this browser, and passes what it hears to all tabs.

import { listen } from "./source.mjs";

// Milliseconds for which topics are remembered, for pages that were loaded but did not listen yet.
const MEMORY = 60_000;

const tabs = new Set();
// When each topic was heard last, the newest at the end.
const heard = new Map();
let live = false;

function tell(message) {
  for (const tab of tabs) tab.postMessage(message);
}

function remember(topics) {
  const now = Date.now();
  for (const topic of topics) {
    heard.delete(topic);
    heard.set(topic, now);
  }
  for (const [topic, at] of heard) {
    if (at > now - MEMORY) break;
    heard.delete(topic);
  }
}

function heardSince(time) {
  if (time < Date.now() - MEMORY) return ["all"];
  return [...heard].filter(([, at]) => at >= time).map(([topic]) => topic);
}

self.addEventListener("connect", (event) => {
  const [tab] = event.ports;
  tab.onmessage = ({ data }) => {
    if (data.bye) {
      tabs.delete(tab);
      return;
    }
    tabs.add(tab);
    tab.postMessage({ live, topics: heardSince(data.since) });
  };
  tab.addEventListener("close", () => tabs.delete(tab));
});

listen(
  (topics) => {
    remember(topics);
    tell({ live, topics });
  },
  (state) => {
    if (state !== live) tell({ live: state, topics: [] });
    live = state;
  },
);
