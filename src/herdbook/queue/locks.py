"""Renews the locks of the jobs that this process holds.

It does so in a thread, so that a processor that blocks the event loop does not lose its job.
"""

import threading
from collections.abc import Callable, Iterable

from redis.commands.core import Script

from herdbook.errors import QueueUnavailableError
from herdbook.queue.connection import connect_from_thread, raises_queue_unavailable
from herdbook.queue.delivery import Delivery
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import bullmq_script, to_msgpack
from herdbook.service import log

# Called with the queue and, by job id, the tokens of the locks that are gone or held by another worker.
OnLost = Callable[[str, dict[str, str]], None]


class LockKeeper:
    """Renews the locks of the held jobs every third of `lock_duration` milliseconds."""

    def __init__(self, url: str, *, prefix: str, lock_duration: int, on_lost: OnLost) -> None:
        self._url = url
        self._prefix = prefix
        self._lock_duration = lock_duration
        self._on_lost = on_lost
        # The tokens of the locks, by queue and job.
        self._held: dict[str, dict[str, str]] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="herdbook-locks", daemon=True)

    def start(self) -> None:
        """Start renewing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing, and wait for the thread to end."""
        self._stop.set()
        self._thread.join()

    def hold(self, deliveries: Iterable[Delivery]) -> None:
        """Renew these jobs' locks from now on."""
        with self._guard:
            for delivery in deliveries:
                self._held.setdefault(delivery.queue, {})[delivery.job_id] = delivery.token

    def drop(self, deliveries: Iterable[Delivery]) -> None:
        """Stop renewing these jobs' locks, unless a later attempt of the same job is held by now."""
        with self._guard:
            for delivery in deliveries:
                held = self._held[delivery.queue]
                if held.get(delivery.job_id) == delivery.token:
                    del held[delivery.job_id]

    def _run(self) -> None:
        with connect_from_thread(self._url) as client:
            extend = client.register_script(bullmq_script("extendLocks-1"))
            while not self._stop.wait(self._lock_duration / 3_000):
                with self._guard:
                    held = [(queue, dict(tokens)) for queue, tokens in self._held.items() if tokens]
                for queue, tokens in held:
                    self._renew_or_report(extend, queue, tokens)

    def _renew_or_report(self, extend: Script, queue: str, tokens: dict[str, str]) -> None:
        """Renew the locks of one queue; whatever goes wrong is tried again in the next round."""
        try:
            self._renew(extend, queue, tokens)
        except QueueUnavailableError:
            pass  # Of that the services tell.
        except Exception as error:
            # Without this thread, jobs would run on that are no longer ours.
            log.error("locks not renewed", queue=queue, jobs=len(tokens), exc_info=error)

    def _renew(self, extend: Script, queue: str, tokens: dict[str, str]) -> None:
        prefix = key_prefix(self._prefix, queue)
        packed = (to_msgpack(list(tokens.values())), to_msgpack(list(tokens)))
        with raises_queue_unavailable():
            lost: list[str] = extend(keys=[f"{prefix}stalled"], args=[prefix, *packed, self._lock_duration])
        with self._guard:
            lost = [job_id for job_id in lost if self._held[queue].get(job_id) == tokens[job_id]]
        if lost:
            self._on_lost(queue, {job_id: tokens[job_id] for job_id in lost})
