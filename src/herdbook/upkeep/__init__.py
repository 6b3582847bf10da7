"""Takes the record.

Gives the services that look after it, which run beside every relay.
Never has two of them do the same work: each takes rows, or a lock, that no other holds.
"""

from herdbook.artifacts import ArtifactStore
from herdbook.control import Control
from herdbook.service import Service
from herdbook.store.pool import Record
from herdbook.upkeep.counts import CountFolder
from herdbook.upkeep.figures import FigureRoller
from herdbook.upkeep.operations import OperationRunner


def services(record: Record, artifacts: ArtifactStore) -> list[Service]:
    """The services of one process; the caller starts and stops them."""
    return [OperationRunner(record, Control(record, artifacts)), CountFolder(record), FigureRoller(record)]
