"""Takes the main coroutine of a process that runs for long.

Gives it a fast event loop, and the signals that tell it to stop as events.
Never ends the process itself.
"""

import asyncio
import gc
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

Result = TypeVar("Result")

# New objects after which Python looks for garbage in cycles. With its own 700 that took a tenth of a worker's time.
_OBJECTS = 50_000

# Sent by the kernel to the processes of an `up` that was killed: its servers end at the same moment.
ORPHANED = signal.SIGUSR1


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """What signals have told this process: to `stop`, and, a second time, to `hurry`."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def again(self) -> None:
        """Take one signal."""
        (self.hurry if self.stop.is_set() else self.stop).set()

    def at_once(self) -> None:
        """Take a signal that leaves no time."""
        self.stop.set()
        self.hurry.set()


def run_on_fast_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop, or on asyncio's own loop where there is none."""
    # What was imported stays for as long as the process does.
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


@contextmanager
def listening_to_signals() -> Iterator[StopRequest]:
    """Ctrl-C, SIGTERM and the terminal's end as events, for as long as the block lasts."""
    told = StopRequest()
    loop = asyncio.get_running_loop()
    signals = stop_signals()
    for one in signals:
        loop.add_signal_handler(one, told.again)
    loop.add_signal_handler(ORPHANED, told.at_once)
    try:
        yield told
    finally:
        for one in (*signals, ORPHANED):
            loop.remove_signal_handler(one)


def stop_signals() -> tuple[signal.Signals, ...]:
    """The signals that end a process in order."""
    # Under nohup the terminal's end is ignored, and stays so.
    end_of_terminal = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *end_of_terminal)
