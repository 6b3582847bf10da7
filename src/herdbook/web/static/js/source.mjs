// The server's stream of stale topics, opened again whenever it ends. The server begins each stream with "all".

const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 60_000;

export function listen(onTopics, onState) {
  let wait = FIRST_WAIT;

  function open() {
    const source = new EventSource("/events");
    source.addEventListener("stale", (event) => {
      wait = FIRST_WAIT;
      onState(true);
      onTopics(event.data.split(" "));
    });
    source.addEventListener("error", () => {
      onState(false);
      // A stream that broke off is opened again by the browser; one that was refused is not.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, wait * (0.5 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  }

  open();
}
