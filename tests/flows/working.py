"""Job types for workers that tests start, and kill, as processes of their own."""

import asyncio
import os
from typing import Any

from herdbook import Herdbook, JobContext

book = Herdbook()


@book.processor("pause", queue="killed", attempts=3)
async def pause(payload: dict[str, Any], job: JobContext) -> int:
    if payload.get("log"):
        job.log("pausing")
    await asyncio.sleep(payload.get("seconds", 0.05))
    return int(payload["n"])


@book.processor("deadly", queue="deadly", attempts=3)
async def deadly(payload: dict[str, Any]) -> int:
    await asyncio.sleep(0.2)
    if payload["n"] == 7:
        os._exit(1)
    await asyncio.sleep(0.2)
    return int(payload["n"])
