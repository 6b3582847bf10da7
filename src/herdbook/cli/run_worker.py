"""Takes a worker's settings, job types and queues.

Gives the worker's life in this process: start, quiet at the first signal, hand back, end.
Never ends with a job in its hands.
"""

import asyncio
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from herdbook.cli.connect import open_record
from herdbook.cli.event_loop import StopRequest, listening_to_signals
from herdbook.cli.metrics_server import observed
from herdbook.errors import ConfigurationError
from herdbook.execution.worker import Worker
from herdbook.job_types.assembly import build_registry, log_missing
from herdbook.model.registry import Registry
from herdbook.observe.exporting import traced
from herdbook.publishing.declaration import Declaration
from herdbook.service import log
from herdbook.settings import Settings

# Names of all threads of ours begin with this.
_THREADS = "herdbook"


async def run_worker(settings: Settings, app: Registry | None, queues: list[str] | None) -> None:
    """Work until signals say to end; ends the process itself when a processor cannot be stopped."""
    threads = ThreadPoolExecutor(thread_name_prefix=_THREADS)
    asyncio.get_running_loop().set_default_executor(threads)
    with listening_to_signals() as told:
        async with open_record(settings, "worker", plan_once=True) as database:
            registry = build_registry(settings, database, app)
            log_missing(registry)
            _check_queues(registry, queues)
            with (
                traced(settings, "worker") as tracing,
                observed(settings, database, tracing.attempt if tracing else None) as observer,
            ):
                worker = Worker(settings, registry, database, queues=queues, observer=observer)
                observer.watch_held(lambda: {one.queue.name: one.held for one in worker.consumers})
                await _work(worker, Declaration(database, registry), settings, told)
        threads.shutdown(wait=False, cancel_futures=True)
        _end_threads()


async def _work(worker: Worker, declaration: Declaration, settings: Settings, told: StopRequest) -> None:
    declaration.start()
    worker.start()
    log.info("worker started", worker=worker.id, queues=worker.queues, concurrency=settings.concurrency)
    await told.stop.wait()
    log.info("worker stops", worker=worker.id, running=worker.held)
    worker.quiet()
    await _until_idle(worker, told, settings.stop_deadline)
    await worker.stop(0)
    await declaration.stop(0)
    log.info("worker ended", worker=worker.id)


async def _until_idle(worker: Worker, told: StopRequest, deadline: float) -> None:
    """Return when no job is held, at a second signal, or after `deadline` seconds."""
    idle = asyncio.create_task(worker.idle())
    hurry = asyncio.create_task(told.hurry.wait())
    await asyncio.wait({idle, hurry}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (idle, hurry):
        waiting.cancel()
    await asyncio.gather(idle, hurry, return_exceptions=True)


def _check_queues(registry: Registry, queues: list[str] | None) -> None:
    unknown = sorted(set(queues or ()) - set(registry.queues()))
    if unknown:
        raise ConfigurationError(
            f"no processor here works on {', '.join(map(repr, unknown))}; the queues are {', '.join(registry.queues())}"
        )


def _end_threads() -> None:
    """Let threads end; one that a processor holds would keep the process alive for ever, so it ends here and now."""
    until = time.monotonic() + 1
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(_THREADS)]
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        log.warning("a processor still runs in a thread; the process ends without it")
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
