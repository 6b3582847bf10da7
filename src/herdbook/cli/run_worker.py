"""Runs a worker in this process until a signal stops it.

Unfinished jobs are released to other workers, unless what keeps the process from that outlasts its deadline.
"""

import asyncio

from herdbook.cli.connect import open_record
from herdbook.cli.event_loop import StopRequest, stop_on_signals
from herdbook.cli.exit_deadline import ExitDeadline
from herdbook.cli.metrics_server import process_observer
from herdbook.cli.wait_for_schema import wait_for_schema
from herdbook.errors import ConfigurationError
from herdbook.execution.worker import Worker
from herdbook.job_types.assembly import build_registry, log_missing
from herdbook.model.registry import Registry
from herdbook.observe.exporting import traced
from herdbook.publishing.declaration import Declaration
from herdbook.service import log
from herdbook.settings import Settings


async def run_worker(settings: Settings, app: Registry | None, queues: list[str] | None) -> None:
    """Work until a signal; from then on, the process ends in time by itself if this does not."""
    with stop_on_signals() as request, ExitDeadline(settings.stop_deadline) as deadline:
        async with open_record(settings, "worker", plan_once=True) as database:
            registry = build_registry(settings, database, app)
            log_missing(registry)
            _check_queues(registry, queues)
            with (
                traced(settings, "worker") as tracing,
                process_observer(settings, database, tracing.attempt if tracing else None) as observer,
            ):
                worker = Worker(settings, registry, database, queues=queues, observer=observer)
                deadline.watch_held(lambda: worker.held)
                observer.watch_held(lambda: {one.queue.name: one.held for one in worker.consumers})
                if await wait_for_schema(database, request.stop):
                    await _work(worker, Declaration(database, registry), settings, request)


async def _work(worker: Worker, declaration: Declaration, settings: Settings, request: StopRequest) -> None:
    declaration.start()
    worker.start()
    log.info("worker started", worker=worker.id, queues=worker.queues, concurrency=settings.concurrency)
    await request.stop.wait()
    log.info("worker stopping", worker=worker.id, running=worker.held)
    worker.quiet()
    await _until_idle(worker, request, settings.stop_deadline)
    await worker.stop(0)
    await declaration.stop(0)
    log.info("worker stopped", worker=worker.id)


async def _until_idle(worker: Worker, request: StopRequest, deadline: float) -> None:
    """Wait until no job is held, for a second signal, or for `deadline` seconds."""
    idle = asyncio.create_task(worker.idle())
    now = asyncio.create_task(request.now.wait())
    await asyncio.wait({idle, now}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (idle, now):
        waiting.cancel()
    await asyncio.gather(idle, now, return_exceptions=True)


def _check_queues(registry: Registry, queues: list[str] | None) -> None:
    unknown = sorted(set(queues or ()) - set(registry.queues()))
    if unknown:
        raise ConfigurationError(
            f"no processor for queue {', '.join(map(repr, unknown))}; known queues: {', '.join(registry.queues())}"
        )
