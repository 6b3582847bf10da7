"""Connections to Redis, with the timeout each use needs and one error for an unreachable server.

A client never retries by itself: the calling service decides when to.
"""

from typing import Any, TypeAlias

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from herdbook.errors import QueueUnavailableError

# Seconds that one command may take.
_COMMAND_TIMEOUT = 5.0
# Seconds that a worker's blocking wait lasts; equal to BullMQ's drain delay.
BLOCK_SECONDS = 5.0
# Longer than the wait: redis-py's default timeout equals it, and would end idle waits with an error.
_BLOCKING_TIMEOUT = BLOCK_SECONDS + 10.0


QueueClient: TypeAlias = redis.asyncio.Redis


def connect(url: str, *, name: str | None = None, blocking: bool = False) -> QueueClient:
    """A client for asyncio; `blocking` allows waits of up to `BLOCK_SECONDS`, `name` is what the server lists."""
    timeout = _BLOCKING_TIMEOUT if blocking else _COMMAND_TIMEOUT
    return redis.asyncio.Redis.from_url(
        url,
        decode_responses=True,
        # Other clients may write bytes that are not UTF-8; decoded like this, they can be written back unchanged.
        encoding_errors="surrogateescape",
        client_name=name,
        socket_timeout=timeout,
        socket_connect_timeout=_COMMAND_TIMEOUT,
        retry=AsyncRetry(NoBackoff(), 0),
    )


def connect_from_thread(url: str) -> redis.Redis:
    """A blocking client, for use in a thread."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        socket_timeout=_COMMAND_TIMEOUT,
        socket_connect_timeout=_COMMAND_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


class raises_queue_unavailable:  # noqa: N801  (reads as a statement where it is used)
    """Turns the errors of an unreachable, loading or full Redis into QueueUnavailableError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (RedisError, OSError, TimeoutError)):
            raise QueueUnavailableError(f"Redis is unreachable: {str(error) or type(error).__name__}") from error
