"""Takes the Redis URL.

Gives clients with the timeouts each use needs, and one error for "Redis is away".
Never retries by itself: the services that call decide when to try again.
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
_PROMPT = 5.0
# Seconds that a worker's blocking wait lasts; BullMQ's own drain delay.
BLOCK = 5.0
# Longer than the wait: redis-py's default is as long as it, and would end idle waits with an error.
_PATIENT = BLOCK + 10.0


QueueClient: TypeAlias = redis.asyncio.Redis


def connect(url: str, *, name: str | None = None, blocking: bool = False) -> QueueClient:
    """A client for asyncio; `blocking` for waits of up to `BLOCK` seconds, `name` as the server lists it."""
    timeout = _PATIENT if blocking else _PROMPT
    return redis.asyncio.Redis.from_url(
        url,
        decode_responses=True,
        # Others may have written bytes that are no UTF-8; read this way, they can be written back as they were.
        encoding_errors="surrogateescape",
        client_name=name,
        socket_timeout=timeout,
        socket_connect_timeout=_PROMPT,
        retry=AsyncRetry(NoBackoff(), 0),
    )


def connect_from_thread(url: str) -> redis.Redis:
    """A client for a thread of its own."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        socket_timeout=_PROMPT,
        socket_connect_timeout=_PROMPT,
        retry=Retry(NoBackoff(), 0),
    )


class away_is_unavailable:  # noqa: N801  (reads as a statement where it is used)
    """Turns an absent, loading or full Redis into QueueUnavailableError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (RedisError, OSError, TimeoutError)):
            raise QueueUnavailableError(f"Redis is away: {str(error) or type(error).__name__}") from error
