// A shared worker that holds one event stream for all tabs of this browser and forwards its topics to them.

import { listen } from "./event-source.mjs";

// How long topics are remembered, in milliseconds, for pages that were loaded but were not listening yet.
const MEMORY = 60_000;

const tabs = new Set();
// When each topic was last received, the newest at the end.
const received = new Map();
let live = false;

function broadcast(message) {
  for (const tab of tabs) tab.postMessage(message);
}

function remember(topics) {
  const now = Date.now();
  for (const topic of topics) {
    received.delete(topic);
    received.set(topic, now);
  }
  for (const [topic, at] of received) {
    if (at > now - MEMORY) break;
    received.delete(topic);
  }
}

function receivedSince(time) {
  if (time < Date.now() - MEMORY) return ["all"];
  return [...received].filter(([, at]) => at >= time).map(([topic]) => topic);
}

self.addEventListener("connect", (event) => {
  const [tab] = event.ports;
  tab.onmessage = ({ data }) => {
    if (data.leaving) {
      tabs.delete(tab);
      return;
    }
    tabs.add(tab);
    tab.postMessage({ live, topics: receivedSince(data.since) });
  };
  tab.addEventListener("close", () => tabs.delete(tab));
});

listen(
  (topics) => {
    remember(topics);
    broadcast({ live, topics });
  },
  (state) => {
    if (state !== live) broadcast({ live: state, topics: [] });
    live = state;
  },
);
