"""Takes the record.

Gives the services that look after it, which run beside every relay.
Never has two of them do the same work: each takes rows, or a lock, that no other holds.
"""

from herdbook.alerting import load_alerts
from herdbook.model.artifacts import ArtifactStore
from herdbook.operating.control import Control
from herdbook.operating.queue_stats import QueueFigures
from herdbook.record.database import Record
from herdbook.service import Service
from herdbook.settings import Settings
from herdbook.upkeep.alerts import AlertWatch
from herdbook.upkeep.cancellations import CancellationSettler
from herdbook.upkeep.counts import CountFolder
from herdbook.upkeep.operations import OperationRunner
from herdbook.upkeep.pruning import OperationPruner
from herdbook.upkeep.stats import FigureRoller


def services(settings: Settings, record: Record, queues: QueueFigures, artifacts: ArtifactStore) -> list[Service]:
    """The services of one process; the caller starts and stops them. Raises ConfigurationError for wrong alerts."""
    return [
        OperationRunner(record, Control(record, artifacts)),
        OperationPruner(record),
        CancellationSettler(record),
        CountFolder(record),
        FigureRoller(record),
        AlertWatch(record, queues, load_alerts(settings)),
    ]
