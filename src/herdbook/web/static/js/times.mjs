// Lets `<time datetime="…" data-relative>` say how long ago it is, and its title when exactly.

const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const titled = new WeakMap();

export function relative(at, now) {
  const seconds = Math.trunc((now - at) / 1_000);
  if (seconds === 0) return "now";
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size);
  const words = `${Math.trunc(Math.abs(seconds) / size)} ${unit}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const at = Date.parse(time.dateTime);
    if (Number.isNaN(at)) continue;
    const words = relative(at, now);
    if (time.textContent !== words) time.textContent = words;
    if (titled.get(time) === time.dateTime) continue;
    titled.set(time, time.dateTime);
    time.title = exact.format(at);
  }
}

export function start() {
  tick();
  setInterval(() => document.hidden || tick(), 1_000);
  document.addEventListener("visibilitychange", () => document.hidden || tick());
  document.addEventListener("swapped", tick);
}
