"""Dramatiq: Redis as its broker, no results.

Tried, jobs/s drained: 4 threads: 1,000, 8: 2,000-5,300, 16: 3,700-3,900, 32: 2,700; dramatiq_queue_prefetch of 200 to
1,000: 3,100-3,900.
"""

from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from protocol import QUEUE, REDIS_URL, become, run, tell_started

dramatiq.set_broker(RedisBroker(url=REDIS_URL))


@dramatiq.actor(queue_name=QUEUE, actor_name="noop")
def noop(data: dict[str, Any]) -> None:
    tell_started()


class Peer:
    async def prepare(self) -> None:
        pass

    async def publish(self, data: dict[str, Any]) -> None:
        noop.send(data)

    async def work(self, concurrency: int) -> None:
        become("-m", "dramatiq", "dramatiq_peer", "--processes", "1", "--threads", str(concurrency))


if __name__ == "__main__":
    run(Peer())
