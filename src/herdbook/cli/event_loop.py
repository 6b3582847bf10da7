"""The event loop of long-running processes, and the signals that ask them to stop."""

import asyncio
import gc
import resource
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

ReturnValue = TypeVar("ReturnValue")

# New objects after which Python looks for garbage in cycles. At its default, 700, that took a tenth of a worker's time.
_GC_THRESHOLD = 50_000
# More would slow down programs that jobs start: old ones close every file they could have.
_MAX_FILES = 65_536

# The kernel sends it to the child processes when their `herdbook up` is killed; the servers stop at the same moment.
ORPHANED = signal.SIGUSR1


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """What signals have asked of this process: the first to `stop` in order, the second to stop `now`."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    now: asyncio.Event = field(default_factory=asyncio.Event)

    def on_signal(self) -> None:
        """Handle a signal: the first is a request to stop in order, any further one to stop now."""
        (self.now if self.stop.is_set() else self.stop).set()

    def on_orphaned(self) -> None:
        """Handle a signal that leaves no time to stop in order."""
        self.stop.set()
        self.now.set()


def run_on_fast_loop(main: Coroutine[Any, Any, ReturnValue]) -> ReturnValue:
    """Run a coroutine on uvloop, or on asyncio's own loop where uvloop is not installed, with enough open files."""
    _raise_file_limit()
    # Imported modules stay for as long as the process does.
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _raise_file_limit() -> None:
    """Allow this process more open files than the usual 1,024, each of which is a connection, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # macOS may allow fewer than it says.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn Ctrl-C, SIGTERM and the end of the terminal into a stop request, for the block."""
    request = StopRequest()
    loop = asyncio.get_running_loop()
    signals = stop_signals()
    for one in signals:
        loop.add_signal_handler(one, request.on_signal)
    loop.add_signal_handler(ORPHANED, request.on_orphaned)
    try:
        yield request
    finally:
        for one in (*signals, ORPHANED):
            loop.remove_signal_handler(one)


def stop_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask a process to stop."""
    # Under nohup SIGHUP is ignored, and stays so.
    end_of_terminal = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *end_of_terminal)
