"""The job types of the stories."""

import asyncio
from typing import Any

from pydantic import BaseModel

from herdbook.model.context import JobContext
from herdbook.model.options import Backoff
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable


class Order(BaseModel):
    """What a shop sends."""

    number: int
    note: str = ""


def make_registry(gate: asyncio.Event) -> Registry:
    """`order` fails for number 13, `third_time` twice, `steps` waits for the gate, `echo` gives back what it got."""
    registry = Registry()

    @registry.processor("order", queue="orders", attempts=2, backoff=Backoff(type="fixed", delay=50))
    async def order(payload: Order) -> dict[str, Any]:
        """Takes an order."""
        if payload.number == 13:
            raise ValueError(f"no stock for order {payload.number}")
        if payload.number == 14:
            raise Unrecoverable("the shop is closed")
        return {"number": payload.number, "taken": True}

    @registry.processor("third_time", backoff=lambda attempt, error: 40 * attempt, timeout="30s", executor="thread")
    def third_time(payload: Any, job: JobContext) -> str:
        """Succeeds on the third attempt."""
        if job.attempt < 3:
            raise ConnectionError(f"nobody answers call {job.attempt}")
        return "answered"

    @registry.processor("steps")
    async def steps(payload: dict[str, Any], job: JobContext) -> str:
        """Goes step by step."""
        job.log("half of the way")
        job.progress(50)
        await gate.wait()
        return "arrived"

    @registry.processor("echo")
    async def echo(payload: Any) -> Any:
        """Gives back what it got."""
        return payload

    return registry
