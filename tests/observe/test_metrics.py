"""Prometheus metrics of a worker and a relay."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from herdbook.cli.metrics_server import process_observer
from herdbook.errors import ConfigurationError
from herdbook.execution.worker import Worker
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable
from herdbook.observe.events import NULL_OBSERVER, Observer
from herdbook.observe.metrics import ProcessMetrics, exposed
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import eventually

Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """Each sample by its name and its label values, in the order of the label names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @registry.processor("work", queue="work", attempts=1)
    async def work(payload: bool) -> None:
        if not payload:
            raise Unrecoverable("no")

    return registry


@pytest.fixture
async def watched(settings: Settings, registry: Registry, database: Database) -> AsyncIterator[ProcessMetrics]:
    """A running worker and relay, and their metrics."""
    metrics = ProcessMetrics()
    assert settings.redis_url
    async with connect(settings.redis_url) as client:
        relay = Relay(database, client, prefix=settings.queue_prefix, observer=metrics)
        worker = Worker(settings, registry, database, observer=metrics)
        metrics.watch_pool(lambda: database.use)
        metrics.watch_held(lambda: {one.queue.name: one.held for one in worker.consumers})
        relay.start()
        worker.start()
        yield metrics
        await relay.stop()
        await worker.stop(deadline=5.0)


async def scraped(metrics: ProcessMetrics) -> Samples:
    async with httpx.AsyncClient() as client:
        with exposed(metrics, "127.0.0.1", 0) as port:
            return samples((await client.get(f"http://127.0.0.1:{port}/metrics")).text)


async def test_attempts_batches_and_the_pool_are_measured(
    watched: ProcessMetrics, registry: Registry, database: Database, settings: Settings
) -> None:
    publisher = Publisher(database, registry, max_job_bytes=1_000)
    await publisher.publish_bulk([JobRequest(job_type="work", job_data=good) for good in (True, True, False)])

    async def recorded() -> Samples | None:
        found = await scraped(watched)
        done = sum(value for key, value in found.items() if key[0] == "herdbook_worker_attempts_total")
        return found if done == 3 and ("herdbook_batch_size_sum", "acknowledge") in found else None

    found = await eventually(recorded)
    assert found is not None
    assert found["herdbook_worker_attempts_total", "completed", "work", "work"] == 2
    assert found["herdbook_worker_attempts_total", "failed", "work", "work"] == 1
    for histogram in ("run", "wait"):
        assert found[f"herdbook_worker_{histogram}_seconds_count", "work", "work"] == 3
        assert found[f"herdbook_worker_{histogram}_seconds_sum", "work", "work"] < 60
    for step in ("relay", "claim", "record"):
        assert found["herdbook_batch_size_sum", step] == 3
    assert found.keys() >= {("herdbook_worker_held", "work")}
    connections = [found["herdbook_record_connections", state] for state in ("used", "idle", "free")]
    assert sum(connections) == 5
    assert all(one >= 0 for one in connections)


async def test_unknown_job_types_share_one_label(watched: ProcessMetrics, settings: Settings) -> None:
    """Any client may add jobs of any type to a queue; their names would fill the worker's memory."""
    assert settings.redis_url
    async with connect(settings.redis_url) as client:
        await QueueWriter(client, prefix=settings.queue_prefix).add(
            "work", [_external("a", "evil-1"), _external("b", "evil-2")]
        )

        async def recorded() -> Samples | None:
            found = await scraped(watched)
            return found if found.get(("herdbook_worker_attempts_total", "failed", "work", "(unknown)")) == 2 else None

        found = await eventually(recorded)
    assert found is not None
    assert not [key for key in found if "evil" in "".join(key)]


def _external(job_id: str, job_type: str) -> QueuedJob:
    return QueuedJob(
        job_id=job_id,
        job_type=job_type,
        data="{}",
        timestamp=1_700_000_000_000,
        delay=0,
        priority=0,
        attempts=1,
        backoff=None,
    )


async def test_nothing_is_served_unless_a_port_is_set(database: Database, settings: Settings) -> None:
    with process_observer(settings, database) as observer:
        assert observer is NULL_OBSERVER
    with process_observer(settings.model_copy(update={"metrics_port": 0}), database) as observer:
        assert isinstance(observer, ProcessMetrics)


async def test_a_port_in_use_is_a_configuration_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"cannot serve metrics on 127.0.0.1 port {port}: "),
            exposed(ProcessMetrics(), "127.0.0.1", port),
        ):
            pass


async def test_the_base_observer_ignores_every_event() -> None:
    observer = Observer()
    observer.claimed("q", 1, 1)
    observer.recorded("q", [])
    observer.acknowledged("q", 1)
    observer.relayed(1)
    observer.watch_held(dict)
    await asyncio.sleep(0)
