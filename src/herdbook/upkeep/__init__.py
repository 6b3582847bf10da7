"""Background services that maintain the record; they run in every relay process.

Two of them never do the same work: each takes rows or a lock that no other holds.
"""

from herdbook.alerting import load_alerts
from herdbook.model.artifacts import ArtifactStore
from herdbook.operating.control import Control
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.queue.connection import QueueClient
from herdbook.record.database import Database
from herdbook.service import Service
from herdbook.settings import Settings
from herdbook.upkeep.alerts import AlertWatch
from herdbook.upkeep.cancellations import CancellationSettler
from herdbook.upkeep.counts import CountFolder
from herdbook.upkeep.operations import OperationRunner
from herdbook.upkeep.pruning import Pruner
from herdbook.upkeep.reconciler import Reconciler
from herdbook.upkeep.stats import StatsRollup


def services(
    settings: Settings,
    database: Database,
    client: QueueClient,
    queues: QueueStatsReader,
    artifacts: ArtifactStore,
) -> list[Service]:
    """The services of one process; the caller starts and stops them. Raises ConfigurationError for invalid alerts."""
    return [
        OperationRunner(database, Control(database, artifacts)),
        Pruner(database),
        Reconciler(database, client, prefix=settings.queue_prefix),
        CancellationSettler(database),
        CountFolder(database),
        StatsRollup(database),
        AlertWatch(database, queues, load_alerts(settings)),
    ]
