// The server's stream of stale topics, reopened whenever it ends. The server starts each stream with "all".

const FIRST_DELAY = 2_000;
const LONGEST_DELAY = 60_000;

export function listen(onTopics, onState) {
  let delay = FIRST_DELAY;

  function open() {
    const source = new EventSource("/events");
    source.addEventListener("stale", (event) => {
      delay = FIRST_DELAY;
      onState(true);
      onTopics(event.data.split(" "));
    });
    source.addEventListener("error", () => {
      onState(false);
      // The browser reopens a stream that broke, but not one that was refused.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, delay * (0.5 + Math.random() / 2));
      delay = Math.min(delay * 2, LONGEST_DELAY);
    });
  }

  open();
}
