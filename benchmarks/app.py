"""The job types that are measured: one does nothing but tell when it started, the other is there to be looked at."""

import asyncio
import time
from typing import Any

from herdbook import Herdbook

book = Herdbook()


@book.processor("noop", queue="bench", attempts=1)
async def noop(payload: dict[str, Any]) -> dict[str, float]:
    return {"startedAt": time.time()}


@book.processor("doze", queue="bench", attempts=1)
async def doze(payload: dict[str, Any]) -> None:
    await asyncio.sleep(3_600)
