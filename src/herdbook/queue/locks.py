"""Renews the locks of the jobs that this process holds.

It does so in a thread, so that a processor that blocks the event loop does not lose its job.
"""

import threading
from collections.abc import Callable, Iterable

from redis.exceptions import RedisError

from herdbook.queue.connection import connect_from_thread
from herdbook.queue.delivery import Delivery
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import bullmq_script, to_msgpack

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
        client = connect_from_thread(self._url)
        extend = client.register_script(bullmq_script("extendLocks-1"))
        while not self._stop.wait(self._lock_duration / 3_000):
            with self._guard:
                held = [(queue, dict(tokens)) for queue, tokens in self._held.items() if tokens]
            for queue, tokens in held:
                prefix = key_prefix(self._prefix, queue)
                packed = (to_msgpack(list(tokens.values())), to_msgpack(list(tokens)))
                try:
                    lost: list[str] = extend(keys=[f"{prefix}stalled"], args=[prefix, *packed, self._lock_duration])
                except (RedisError, OSError):
                    continue  # Redis is unreachable; the next round retries.
                with self._guard:
                    lost = [job_id for job_id in lost if self._held[queue].get(job_id) == tokens[job_id]]
                if lost:
                    self._on_lost(queue, {job_id: tokens[job_id] for job_id in lost})
        client.close()
