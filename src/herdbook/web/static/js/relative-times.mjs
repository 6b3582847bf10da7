// Keeps `<time datetime="…" data-relative>` showing how long ago it is, with the exact local time as its title.

const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const titled = new WeakMap();

export function relativeTime(at, now) {
  const seconds = Math.trunc((now - at) / 1_000);
  if (seconds === 0) return "now";
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size);
  const amount = `${Math.trunc(Math.abs(seconds) / size)} ${unit}`;
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const at = Date.parse(time.dateTime);
    if (Number.isNaN(at)) continue;
    const text = relativeTime(at, now);
    if (time.textContent !== text) time.textContent = text;
    if (titled.get(time) === time.dateTime) continue;
    titled.set(time, time.dateTime);
    time.title = exact.format(at);
  }
}

export function start() {
  tick();
  setInterval(() => document.hidden || tick(), 1_000);
  document.addEventListener("visibilitychange", () => document.hidden || tick());
  document.addEventListener("updated", tick);
}
