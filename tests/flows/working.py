"""Job types for workers that tests start, and kill, as processes of their own."""

import asyncio
from typing import Any

from herdbook import Herdbook

book = Herdbook()


@book.processor("pause", queue="killed", attempts=3)
async def pause(payload: dict[str, Any]) -> int:
    await asyncio.sleep(payload.get("seconds", 0.05))
    return int(payload["n"])
