"""The Prometheus metrics of the whole system."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from herdbook.http.attempt_metrics import AttemptMetrics, LabelLimit
from herdbook.http.metrics import MetricsRoutes
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.histogram import middle
from herdbook.record.reconciliation import Epoch, advance_queue_epochs, note_queue_loss, note_queue_sweep
from herdbook.record.rollups import bucket_of, write_rollups
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.settings import Settings
from tests.record.attempts import ended

from .conftest import NOBODY

Samples = dict[tuple[str, ...], float]
MINUTE = timedelta(minutes=1)


def samples(text: str) -> Samples:
    """Each value by its name and label values, in the order of the label names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scrape(api: httpx.AsyncClient) -> Samples:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return samples(answer.text)


@pytest.fixture
async def busy(api: httpx.AsyncClient, settings: Settings, database: Database) -> httpx.AsyncClient:
    """The API with jobs in several states, an outbox, workers, a queue with jobs and a paused one."""
    for outcome in ("completed", "completed", "failed"):
        await ended(database, datetime.now(UTC), outcome, queue="notes", job_type="note")
    await api.post("/api/jobs", json={"jobType": "count", "jobData": 1})
    async with database.connection() as connection:
        for name in ("one", "two", "gone"):
            beat = WorkerBeat(id=name, host="h", pid=7, queues=["notes"], concurrency=1, running=0, state="running")
            await beat_worker(connection, beat)
        await connection.execute(
            "UPDATE herdbook.workers SET heartbeat_at = now() - interval '1 min' WHERE id = 'gone'"
        )
        await connection.execute("UPDATE herdbook.outbox SET created_at = now() - interval '90 s'")
    assert settings.redis_url
    async with connect(settings.redis_url) as redis:
        await QueueWriter(redis, prefix=settings.queue_prefix).add("notes", [_queued("a"), _queued("b")])
        await redis.hset(f"{settings.queue_prefix}:count:meta", "paused", "1")
    return api


def _queued(job_id: str) -> QueuedJob:
    return QueuedJob(
        job_id=job_id,
        job_type="note",
        data="{}",
        timestamp=round((datetime.now(UTC).timestamp() - 60) * 1_000),
        delay=0,
        priority=0,
        attempts=1,
        backoff=None,
    )


async def test_jobs_queues_outbox_and_workers_are_measured(busy: httpx.AsyncClient) -> None:
    found = await scrape(busy)
    # In the order of the label names: queue, status, type.
    assert {key[1:]: value for key, value in found.items() if key[0] == "herdbook_jobs"} == {
        ("notes", "completed", "note"): 2,
        ("notes", "failed", "note"): 1,
        ("count", "pending", "count"): 1,
    }
    assert found["herdbook_queue_depth", "notes", "waiting"] == 2
    assert found["herdbook_queue_depth", "notes", "failed"] == 0
    assert 60 <= found["herdbook_queue_oldest_waiting_seconds", "notes"] < 90
    assert found["herdbook_queue_oldest_waiting_seconds", "any"] == 0
    assert [found["herdbook_queue_paused", name] for name in ("any", "count", "notes")] == [0, 1, 0]
    assert found["herdbook_outbox_depth",] == 1
    assert 90 <= found["herdbook_outbox_lag_seconds",] < 120
    assert [found["herdbook_workers", state] for state in ("running", "quiet", "silent")] == [2, 0, 1]
    assert found["herdbook_record_up",] == found["herdbook_queue_up",] == 1
    assert found["herdbook_redis_lost_writes",] == found["herdbook_redelivered_jobs",] == 0
    assert sum(found["herdbook_record_connections", state] for state in ("used", "idle", "free")) == 5


async def test_unreachable_servers_are_reported_and_no_error(lost_api: httpx.AsyncClient) -> None:
    found = await scrape(lost_api)
    assert found["herdbook_record_up",] == 0
    assert ("herdbook_jobs",) not in {key[:1] for key in found}


async def test_the_records_metrics_remain_while_redis_is_unreachable(
    settings: Settings, registry: Registry, database: Database
) -> None:
    lost = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{NOBODY}"})
    queues = QueueStatsReader.connect(lost, registry, database)
    await ended(database, datetime.now(UTC), queue="notes", job_type="note")
    found = samples(bytes((await MetricsRoutes(database, queues).metrics()).body).decode())
    await queues.close()
    assert (found["herdbook_record_up",], found["herdbook_queue_up",]) == (1, 0)
    assert found["herdbook_jobs", "notes", "completed", "note"] == 1


async def test_a_loss_of_redis_is_measured_for_an_hour(
    api: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    async with database.connection() as connection:
        await advance_queue_epochs(connection, {settings.queue_prefix: Epoch(id="a", counter=1)})
        await note_queue_loss(connection, settings.queue_prefix)
        await note_queue_sweep(connection, settings.queue_prefix, 7, is_complete=True)
    found = await scrape(api)
    assert (found["herdbook_redis_lost_writes",], found["herdbook_redelivered_jobs",]) == (1, 7)


def metrics_since(start: datetime) -> AttemptMetrics:
    """The metrics of a process that began in this minute."""
    age = datetime.now(UTC) - start
    return AttemptMetrics(monotonic() - age.total_seconds() + 1, LabelLimit())


async def test_each_final_minute_is_counted_once(database: Database) -> None:
    start = bucket_of(datetime.now(UTC), 60) - 10 * MINUTE
    metrics = metrics_since(start)

    async def attempts() -> Samples:
        async with database.connection() as connection:
            await metrics.update(connection)
        return {
            (sample.name, *sample.labels.values()): sample.value for one in metrics.families() for sample in one.samples
        }

    assert await attempts() == {}
    await ended(database, start - MINUTE, queue="q", job_type="t")
    await ended(database, start, queue="q", job_type="t", run=100, wait=0)
    await ended(database, start, "failed", queue="q", job_type="t", run=2_100, wait=10**8)
    await ended(database, start + MINUTE, "retry", queue="q", job_type="t", wait=None)
    await _roll(database, start, 2)
    for _ in range(2):
        found = await attempts()
        assert [found["herdbook_attempts_total", "q", "t", one] for one in ("completed", "failed", "retry")] == [1] * 3
    runs = {key[3]: value for key, value in found.items() if key[0] == "herdbook_attempt_run_seconds_bucket"}
    assert [runs[limit] for limit in ("0.05", "0.1", "2.0", "5.0", "+Inf")] == [0, 2, 2, 3, 3]
    waits = {key[3]: value for key, value in found.items() if key[0] == "herdbook_attempt_wait_seconds_bucket"}
    assert [waits[limit] for limit in ("0.001", "5000.0", "+Inf")] == [1, 1, 2]
    assert found["herdbook_attempt_run_seconds_sum", "q", "t"] == pytest.approx(2.3, rel=0.125)
    # The minute after, committed only now.
    await ended(database, start + 2 * MINUTE, queue="q", job_type="t")
    await _roll(database, start, 3)
    assert (await attempts())["herdbook_attempts_total", "q", "t", "completed"] == 2


async def test_a_minute_that_may_change_is_left_for_the_next_time(database: Database) -> None:
    """The newest minute is rolled up again with the next one, to include what was committed late."""
    now = datetime.now(UTC)
    start = bucket_of(now, 60) - MINUTE
    metrics = metrics_since(start)
    await ended(database, start)
    await _roll(database, start, 1)
    async with database.connection() as connection:
        await metrics.update(connection)
    assert not [sample for one in metrics.families() for sample in one.samples]


async def _roll(database: Database, start: datetime, minutes: int) -> None:
    async with database.transaction() as connection:
        await write_rollups(connection, start - MINUTE, start + minutes * MINUTE)


def test_the_number_of_labels_is_limited() -> None:
    limit = LabelLimit()
    first = [limit.of("q", f"t{number}") for number in range(500)]
    assert len(set(first)) == 201
    assert first[0] == ("q", "t0")
    assert first[-1] == ("(other)", "(other)")
    assert [limit.of("q", f"t{number}") for number in range(500)] == first


@pytest.mark.parametrize(("bucket", "low", "high"), [(0, 0, 1), (10, 7.9, 10), (43, 15_848, 19_953)])
def test_a_bucket_stands_for_its_middle(bucket: int, low: float, high: float) -> None:
    assert low < middle(bucket) < high
