"""The job type that is measured: it does nothing but tell when it started."""

import time
from typing import Any

from herdbook import Herdbook

book = Herdbook()


@book.processor("noop", queue="bench", attempts=1)
async def noop(payload: dict[str, Any]) -> dict[str, float]:
    return {"startedAt": time.time()}
