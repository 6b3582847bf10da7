"""What the API and the web UI are built on; the server opens and closes it."""

from dataclasses import dataclass

from herdbook.model.artifacts import ArtifactStore
from herdbook.model.registry import Registry
from herdbook.operating.feed import ChangeFeed
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.publishing.publish import PublishTrace
from herdbook.record.database import Database
from herdbook.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of a running system that routes use; `trace` is for the jobs they publish."""

    settings: Settings
    registry: Registry
    database: Database
    queues: QueueStatsReader
    artifacts: ArtifactStore
    feed: ChangeFeed
    trace: PublishTrace | None = None
