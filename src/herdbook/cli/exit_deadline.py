"""Ends a worker's process in time, whatever in it does not end by itself: a coroutine, a thread, the event loop.

It must not rely on the main thread, which a processor may block for ever.
"""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Self

from herdbook.cli.event_loop import ORPHANED, stop_signals
from herdbook.cli.exit_codes import FAILURE, SUCCESS
from herdbook.service import log

# Seconds beyond its deadline, or after a second signal, that a worker has to hand its jobs back.
_RELEASE = 5.0
# Seconds that Python has to exit once the worker has stopped.
_EXIT = 2.0
# Seconds that the last log line may take.
_LAST_WORDS = 1.0
# Tells the thread that the worker has stopped; no signal has this number.
_STOPPED = 0


class ExitDeadline:
    """Once a signal asks the process to stop, it lives for `deadline` seconds, and a few more to hand jobs back.

    It is entered in the event loop, after the handlers of signals were set. The exit code is 1 if the process ends by
    force while it holds jobs.
    """

    def __init__(self, deadline: float) -> None:
        # What each further signal leaves: the third nothing.
        self._left = [0.0, _RELEASE, deadline + _RELEASE]
        self._stops = stop_signals()
        self._held: Callable[[], int] = lambda: 0

    def watch_held(self, held: Callable[[], int]) -> None:
        """`held` says how many jobs the worker holds."""
        self._held = held

    def __enter__(self) -> Self:
        self._signals, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        # Python's handlers run in the main thread only. Here the kernel's own handler writes each signal's number.
        self._loop_fd = signal.set_wakeup_fd(self._writer.fileno())
        threading.Thread(target=self._watch, name="herdbook-exit", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        signal.set_wakeup_fd(self._loop_fd)
        if kind is None:
            # What the process still has is not worth waiting for.
            self._writer.send(bytes([_STOPPED]))

    def _watch(self) -> None:
        until = inf
        while (left := until - monotonic()) > 0:
            self._signals.settimeout(None if until == inf else left)
            with suppress(TimeoutError):
                for number in self._signals.recv(64):
                    until = min(until, monotonic() + self._limit(number))
        self._exit()

    def _limit(self, number: int) -> float:
        """The seconds that are left after this signal."""
        if number == _STOPPED:
            return _EXIT
        with suppress(OSError):
            os.write(self._loop_fd, bytes([number]))
        if number == ORPHANED:
            return _RELEASE
        if number not in self._stops:
            return inf
        return self._left.pop() if self._left else 0.0

    def _exit(self) -> None:
        held = self._held()
        # In a thread, since the line may have to wait for what another thread holds.
        last_words = threading.Thread(target=_tell, args=(held,), daemon=True)
        last_words.start()
        last_words.join(_LAST_WORDS)
        os._exit(FAILURE if held else SUCCESS)


def _tell(held: int) -> None:
    if held:
        log.error("exiting without handing jobs back; they run again once their locks have expired", jobs=held)
    else:
        threads = [one.name for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
        log.warning("a processor is still running; exiting without waiting for it", threads=threads)
    logging.shutdown()
    sys.stdout.flush()
