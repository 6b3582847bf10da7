"""Takes the servers that the system stands on.

Gives whether the process lives (`/healthz`), and whether the system can do its work (`/readyz`).
Never waits for a server longer than a few seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.responses import Response

from herdbook.errors import HerdbookError
from herdbook.http.openapi import Responses
from herdbook.http.schemas import Check, Health, Readiness
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.database import Database
from herdbook.record.migrate import pending_migrations
from herdbook.record.reads import read_outbox_lag

# Seconds that one check may take.
_TIMEOUT = 3.0


class HealthChecks:
    """The routes that supervisors and load balancers ask."""

    def __init__(
        self, database: Database, queues: QueueStatsReader, *, outbox_lag_limit: float, timeout: float = _TIMEOUT
    ) -> None:
        self._database = database
        self._queues = queues
        self._lag_limit = outbox_lag_limit
        self._timeout = timeout

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/healthz", tags=["health"])(self.healthz)
        responses: Responses = {503: {"model": Readiness, "description": "Something is not well"}}
        app.get("/readyz", response_model=Readiness, responses=responses, tags=["health"])(self.readyz)

    async def healthz(self) -> Health:
        """The process answers."""
        return Health(status="ok")

    async def readyz(self, response: Response) -> Readiness:
        """Whether the record, its schema, the queue and the way between them are well."""
        checks = {"record": self._reach, "migrations": self._migrated, "queue": self._ping, "outbox": self._carried}
        results = await asyncio.gather(*map(self._bounded, checks.values()))
        ready = all(result.ok for result in results)
        response.status_code = 200 if ready else 503
        return Readiness(status="ready" if ready else "unready", checks=dict(zip(checks, results, strict=True)))

    async def _reach(self) -> Check:
        async with self._database.connection() as connection:
            await connection.fetchval("SELECT 1")
        return Check(ok=True, detail="PostgreSQL answers")

    async def _migrated(self) -> Check:
        async with self._database.connection() as connection:
            missing = await pending_migrations(connection)
        if missing:
            return Check(ok=False, detail=f"migrations missing: {len(missing)}; run `herdbook migrate`")
        return Check(ok=True, detail="the schema is up to date")

    async def _ping(self) -> Check:
        await self._queues.ping()
        return Check(ok=True, detail="Redis answers")

    async def _carried(self) -> Check:
        async with self._database.connection() as connection:
            lag = await read_outbox_lag(connection)
        if not lag.depth:
            return Check(ok=True, detail="every job is delivered to its queue")
        refusal = f"; the queue said: {lag.error_message}" if lag.error_message else ""
        detail = f"waiting for the relay: {lag.depth:,}, the oldest for {lag.age:.1f} s{refusal}"
        return Check(ok=lag.age <= self._lag_limit, detail=detail)

    async def _bounded(self, check: Callable[[], Awaitable[Check]]) -> Check:
        try:
            async with asyncio.timeout(self._timeout):
                return await check()
        except TimeoutError:
            return Check(ok=False, detail=f"no answer within {self._timeout:g} s")
        except HerdbookError as error:
            return Check(ok=False, detail=str(error))
