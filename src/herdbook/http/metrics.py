"""The Prometheus metrics of the record and the queues; an unreachable server is reported, and is never an error."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from time import monotonic

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from herdbook.errors import QueueUnavailableError, RecordUnavailableError
from herdbook.http.attempt_metrics import AttemptMetrics, LabelLimit
from herdbook.model.health import OutboxLag, QueueLoss
from herdbook.observe.metrics import pool_family
from herdbook.operating.queue_stats import QueueStats, QueueStatsReader
from herdbook.record.database import Database
from herdbook.record.reads import StatusCount, read_outbox_lag, read_stats
from herdbook.record.reconciliation import read_queue_loss
from herdbook.record.workers import WorkerRow, read_workers

# Seconds to wait for a server; Prometheus itself waits ten.
_TIMEOUT = 3.0


class MetricsRoutes:
    """`GET /metrics`."""

    def __init__(self, database: Database, queues: QueueStatsReader) -> None:
        self._database = database
        self._queues = queues
        self._limit = LabelLimit()
        self._attempts = AttemptMetrics(monotonic(), self._limit)

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/metrics", response_class=PlainTextResponse, tags=["health"])(self.metrics)

    async def metrics(self) -> Response:
        """The current state of the record and the queues, as Prometheus metrics."""
        of_record, of_queues = await asyncio.gather(self._of_record(), self._of_queues())
        found = _Metrics([*of_record, *of_queues, *self._attempts.families(), pool_family(self._database.use)])
        return Response(generate_latest(found), media_type=CONTENT_TYPE_LATEST)

    async def _of_record(self) -> list[Metric]:
        try:
            async with asyncio.timeout(_TIMEOUT), self._database.connection() as connection:
                stats = await read_stats(connection)
                lag = await read_outbox_lag(connection)
                workers = await read_workers(connection)
                loss = await read_queue_loss(connection, self._queues.prefix)
                await self._attempts.update(connection)
        except (RecordUnavailableError, TimeoutError):
            return [_up("record", False)]
        return [_up("record", True), _jobs(stats, self._limit), *_outbox(lag), _workers(workers), *_loss(loss)]

    async def _of_queues(self) -> list[Metric]:
        try:
            async with asyncio.timeout(_TIMEOUT):
                states = await self._queues.states()
        except (QueueUnavailableError, TimeoutError):
            return [_up("queue", False)]
        except RecordUnavailableError:
            # The names of the queues are in the record.
            return []
        return [_up("queue", True), *_queues(states)]


class _Metrics(Collector):
    """Metrics that have been collected already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _up(server: str, answers: bool) -> Metric:
    name = {"record": "PostgreSQL", "queue": "Redis"}[server]
    return GaugeMetricFamily(f"herdbook_{server}_up", f"Whether {name} is reachable.", value=answers)


def _jobs(stats: Sequence[StatusCount], limit: LabelLimit) -> Metric:
    found = GaugeMetricFamily("herdbook_jobs", "Recorded jobs, by status.", labels=("queue", "type", "status"))
    counts = Counter[tuple[str, str, str]]()
    for one in stats:
        counts[(*limit.of(one.queue, one.job_type), one.status.value)] += one.count
    for labels, count in counts.items():
        found.add_metric(labels, count)
    return found


def _queues(states: Sequence[QueueStats]) -> list[Metric]:
    depth = GaugeMetricFamily(
        "herdbook_queue_depth", "Jobs in the queue, by BullMQ's state.", labels=("queue", "state")
    )
    oldest = GaugeMetricFamily(
        "herdbook_queue_oldest_waiting_seconds",
        "How long the next job has been ready to run; 0 if none is waiting.",
        labels=("queue",),
    )
    paused = GaugeMetricFamily("herdbook_queue_paused", "Whether the queue is paused.", labels=("queue",))
    for queue in states:
        for state, count in queue.counts.items():
            depth.add_metric((queue.name, state), count)
        oldest.add_metric((queue.name,), queue.oldest_waiting or 0.0)
        paused.add_metric((queue.name,), queue.paused)
    return [depth, oldest, paused]


def _outbox(lag: OutboxLag) -> list[Metric]:
    return [
        GaugeMetricFamily("herdbook_outbox_depth", "Jobs and actions waiting for the relay.", value=lag.depth),
        GaugeMetricFamily(
            "herdbook_outbox_lag_seconds", "Age of the oldest job or action waiting for the relay.", value=lag.age
        ),
    ]


def _workers(workers: Sequence[WorkerRow]) -> Metric:
    found = GaugeMetricFamily(
        "herdbook_workers", "Workers by state; silent ones have sent no heartbeat for 15 seconds.", labels=("state",)
    )
    states = Counter("silent" if one.is_silent else one.state for one in workers)
    for state in ("running", "quiet", "silent"):
        found.add_metric((state,), states[state])
    return found


def _loss(loss: QueueLoss | None) -> list[Metric]:
    return [
        GaugeMetricFamily(
            "herdbook_redis_lost_writes", "Whether Redis lost writes within the last hour.", value=loss is not None
        ),
        GaugeMetricFamily(
            "herdbook_redelivered_jobs",
            "Jobs delivered again after Redis lost writes within the last hour.",
            value=loss.redelivered if loss else 0,
        ),
    ]
