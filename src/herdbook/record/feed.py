"""Reads what changed in the record since a position, each change once, however late its transaction committed.

Deletions never show up: the rows are gone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from herdbook.model.health import SILENT_AFTER
from herdbook.model.job import JobStatus
from herdbook.record.database import Connection
from herdbook.record.sql import statement

# A change carries the time at which its transaction began. Changes of longer transactions may be missed.
OVERLAP = timedelta(seconds=2)
# Changes older than this are not read.
REACH = timedelta(minutes=5)
_PAGE = 1_000
_START = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """A job after its newest change; `progress` is a JSON value."""

    id: UUID
    queue: str
    job_type: str
    status: JobStatus
    attempt: int
    generation: int
    progress: Any
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a reader has read: the time, and the oldest transaction that was open then."""

    at: datetime
    transaction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The record's current position, and values that differ once workers, pauses or operations have changed."""

    position: Position
    workers: str
    pauses: dict[str, bool]
    operations: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBatch:
    """One batch of changes.

    After handling all `changes`, continue from `position`. `is_gap` means that changes before it were not
    read; `is_last`, that there are no more for now.
    """

    changes: list[JobChange]
    position: Position
    marks: Marks
    is_gap: bool = False
    is_last: bool = True


async def read_changes(
    connection: Connection, since: Position, *, after: tuple[datetime, UUID] = _START, limit: int = _PAGE
) -> list[JobChange]:
    """Jobs that changed since, by time and id; `after` is the time and id of the previous page's last change.

    Starts OVERLAP before `since`, so changes that were read before may be among them.
    """
    rows = await connection.fetch(
        statement("read_changes"), since.at - OVERLAP, since.transaction, after[0], after[1], limit
    )
    return [JobChange(**{**row, "status": JobStatus(row["status"])}) for row in rows]


async def read_marks(connection: Connection) -> Marks:
    """The record's current marks."""
    row = await connection.fetchrow(statement("read_marks"), SILENT_AFTER)
    assert row is not None
    position = Position(at=row["at"], transaction=row["transaction"])
    return Marks(position=position, workers=row["workers"], pauses=row["pauses"], operations=row["operations"])


class ChangeReader:
    """Reads changes after a position; without one, those after its first read."""

    def __init__(self, position: Position | None = None, *, page: int = _PAGE) -> None:
        self._position = position
        self._page = page
        self._after = _START
        # The marks to move to after the last page of the current read.
        self._marks: Marks | None = None
        self._seen: set[tuple[UUID, datetime]] = set()

    async def next_batch(self, connection: Connection) -> ChangeBatch:
        """The next changes. Batches read before an error are not read again."""
        if self._marks is None:
            self._marks = await read_marks(connection)
            self._after = _START
        marks, since = self._marks, self._position
        if since is None or marks.position.at - since.at > REACH:
            self._move_to(marks)
            return ChangeBatch(changes=[], position=marks.position, marks=marks, is_gap=True)
        found = await read_changes(connection, since, after=self._after, limit=self._page)
        changes = self.unseen(found)
        # Only these can be read again, by the next read.
        recent = marks.position.at - OVERLAP
        self._seen.update((change.id, change.updated_at) for change in changes if change.updated_at > recent)
        if len(found) < self._page:
            self._move_to(marks)
            return ChangeBatch(changes=changes, position=marks.position, marks=marks)
        self._after = found[-1].updated_at, found[-1].id
        position = Position(at=max(since.at, found[-1].updated_at), transaction=since.transaction)
        return ChangeBatch(changes=changes, position=position, marks=marks, is_last=False)

    def unseen(self, changes: list[JobChange]) -> list[JobChange]:
        """The changes that this reader has not returned yet."""
        return [change for change in changes if (change.id, change.updated_at) not in self._seen]

    def _move_to(self, marks: Marks) -> None:
        recent = marks.position.at - OVERLAP
        self._seen = {(id, at) for id, at in self._seen if at > recent}
        self._position = marks.position
        self._marks = None
