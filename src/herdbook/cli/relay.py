"""The command `relay`: a process that queues recorded jobs and runs the upkeep services."""

import asyncio

from herdbook.cli import options
from herdbook.cli.connect import database_url, open_record, read_settings, redis_url
from herdbook.cli.event_loop import run_on_fast_loop, stop_on_signals
from herdbook.settings import Settings


def relay(metrics_port: options.MetricsPort = None, data: options.Data = None) -> None:
    """Move jobs and operators' actions from PostgreSQL to the queues, and do upkeep.

    Several relays can run at the same time. A relay keeps retrying while a server
    is unreachable. Ctrl-C or SIGTERM stops it.

    Examples:
      DATABASE_URL=postgresql://… REDIS_URL=redis://… herdbook relay
    """
    settings = read_settings(data, metrics_port=metrics_port)
    database_url(settings)
    url = redis_url(settings)
    from herdbook.observe.log import set_up_logging

    set_up_logging(settings, "relay")
    run_on_fast_loop(_relay(settings, url))


async def _relay(settings: Settings, url: str) -> None:
    from herdbook.cli.metrics_server import process_observer
    from herdbook.cli.wait_for_schema import wait_for_schema
    from herdbook.model.artifacts import FolderArtifacts
    from herdbook.model.registry import Registry
    from herdbook.operating.queue_stats import QueueStatsReader
    from herdbook.queue.connection import connect
    from herdbook.relay import Relay
    from herdbook.service import log
    from herdbook.upkeep import services

    with stop_on_signals() as request:
        async with open_record(settings, "relay") as database, connect(url, name="herdbook-relay") as client:
            with process_observer(settings, database) as observer:
                queues = QueueStatsReader(database, Registry(), client, prefix=settings.queue_prefix)
                artifacts = FolderArtifacts(settings.artifact_folder)
                relay = Relay(database, client, prefix=settings.queue_prefix, observer=observer)
                running = [relay, *services(settings, database, client, queues, artifacts)]
                if await wait_for_schema(database, request.stop):
                    for service in running:
                        service.start()
                    log.info("relay started")
                    await request.stop.wait()
                    await asyncio.gather(*(service.stop() for service in running))
                log.info("relay stopped")
