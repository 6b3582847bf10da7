"""Takes nothing.

Gives the name of what an application is made of.
Never makes or closes a part: the server does.
"""

from dataclasses import dataclass

from herdbook.artifacts import ArtifactStore
from herdbook.feed import ChangeFeed
from herdbook.publish import PublishTrace
from herdbook.queue_figures import QueueFigures
from herdbook.registry import Registry
from herdbook.settings import Settings
from herdbook.store.pool import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a running system that the API and the pages stand on; `trace` follows what they publish."""

    settings: Settings
    registry: Registry
    record: Record
    queues: QueueFigures
    artifacts: ArtifactStore
    feed: ChangeFeed
    trace: PublishTrace | None = None
