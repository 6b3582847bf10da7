"""The job types that are measured: most do one thing and no more, `doze` is there to be looked at."""

import asyncio
import time
from typing import Any

from herdbook import Herdbook

book = Herdbook()
# What a nap lasts, in seconds.
NAP = 0.05


@book.processor("noop", queue="bench", attempts=1)
async def noop(payload: dict[str, Any]) -> dict[str, float]:
    return {"startedAt": time.time()}


@book.processor("doze", queue="bench", attempts=1)
async def doze(payload: dict[str, Any]) -> None:
    await asyncio.sleep(3_600)


@book.processor("nap", queue="nap", attempts=1)
async def nap(payload: dict[str, Any]) -> None:
    await asyncio.sleep(NAP)


@book.processor("echo", queue="echo", attempts=1)
async def echo(payload: dict[str, Any]) -> dict[str, Any]:
    return payload


@book.processor("fail", queue="fail", attempts=1)
async def fail(payload: dict[str, Any]) -> None:
    raise ConnectionError("the server is unreachable")


@book.processor("crunch", queue="crunch", attempts=1, executor="process")
def crunch(payload: dict[str, float]) -> None:
    """Spend `seconds` of CPU time, however long that takes on a busy machine."""
    end = time.process_time() + payload["seconds"]
    while time.process_time() < end:
        pass
