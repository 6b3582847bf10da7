"""Reads what changed in the record since a position, each change once, however late its transaction committed.

Deletions never show up: the rows are gone.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from herdbook.model.health import SILENT_AFTER
from herdbook.model.job import JobStatus
from herdbook.record.database import Connection
from herdbook.record.sql import statement

# A change carries the time at which it was made; its transaction got its number at most this much later.
OVERLAP = timedelta(seconds=2)
# Changes older than this are not read.
REACH = timedelta(minutes=5)
_PAGE = 1_000
# Changes that are remembered while an older transaction is open, so that each is returned once.
_MAX_SEEN = 50_000
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
    """How far a reader has read: the oldest transaction that was open then, and a time before all its changes."""

    at: datetime
    transaction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The record's time and position, and values that differ once workers, pauses or operations have changed.

    What may be committed later are changes of the transactions that are `open`, and of all from `completed_until` on;
    those from `next_transaction` on had not changed anything yet.
    """

    at: datetime
    position: Position
    open: frozenset[int]
    completed_until: int
    next_transaction: int
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
    return Marks(
        at=row["at"],
        position=position,
        open=frozenset(row["open"]),
        completed_until=row["completed_until"],
        next_transaction=row["next_transaction"],
        workers=row["workers"],
        pauses=row["pauses"],
        operations=row["operations"],
    )


async def read_start_of_transactions(connection: Connection) -> datetime:
    """A time before which no transaction that is open now has changed anything."""
    at: datetime = await connection.fetchval(statement("read_start_of_transactions"))
    return at


class _Times:
    """When transactions began to change something, by the times at which their numbers had not been given yet."""

    def __init__(self, at: datetime) -> None:
        # Numbers that were the next ones, and when.
        self._next: list[int] = [0]
        self._at: list[datetime] = [at]

    def add(self, marks: Marks) -> None:
        """Add a read; forget what is only of use for transactions that have ended."""
        self._next.append(marks.next_transaction)
        self._at.append(marks.at)
        first = bisect_right(self._next, min([marks.completed_until, *marks.open])) - 1
        del self._next[:first], self._at[:first]

    def before(self, transaction: int) -> datetime:
        """A time before which neither this transaction nor a later one changed anything."""
        return self._at[bisect_right(self._next, transaction) - 1]


class ChangeReader:
    """Reads changes after a position; without one, those after its first read.

    Once a transaction has ended that was open at the last read, its changes are looked for from the time at which it
    can have begun. While it is open, it makes no read a longer one.
    """

    def __init__(self, position: Position | None = None, *, page: int = _PAGE) -> None:
        self._page = page
        self._after = _START
        # Where the current read began, and the marks to move to after its last page; those of the last complete read.
        self._since = position
        self._marks: Marks | None = None
        self._last: Marks | None = None
        self._times: _Times | None = None
        self._seen: set[tuple[UUID, datetime]] = set()
        self._forgotten_until = _START[0]

    async def next_batch(self, connection: Connection) -> ChangeBatch:
        """The next changes. Batches read before an error are not read again."""
        if self._times is None:
            self._times = _Times(await read_start_of_transactions(connection))
        if self._marks is None:
            self._marks = await read_marks(connection)
            self._begin(self._times, self._marks)
        marks, since = self._marks, self._since
        if since is None or marks.at - since.at > REACH or since.at < self._forgotten_until:
            self._end(marks)
            return ChangeBatch(changes=[], position=marks.position, marks=marks, is_gap=True)
        found = await read_changes(connection, since, after=self._after, limit=self._page)
        changes = self.unseen(found)
        # Only these can be read again, by a later read.
        recent = marks.position.at - OVERLAP
        self._seen.update((change.id, change.updated_at) for change in changes if change.updated_at > recent)
        if len(found) < self._page:
            self._end(marks)
            return ChangeBatch(changes=changes, position=marks.position, marks=marks)
        self._after = found[-1].updated_at, found[-1].id
        so_far = min(max(since.at, found[-1].updated_at), marks.position.at)
        position = Position(at=so_far, transaction=since.transaction)
        return ChangeBatch(changes=changes, position=position, marks=marks, is_last=False)

    def unseen(self, changes: list[JobChange]) -> list[JobChange]:
        """The changes that this reader has not returned yet."""
        return [change for change in changes if (change.id, change.updated_at) not in self._seen]

    def _begin(self, times: _Times, marks: Marks) -> None:
        self._after = _START
        if self._last is not None:
            first = min([self._last.completed_until, *(self._last.open - marks.open)])
            self._since = Position(at=times.before(first), transaction=first % 2**32)
        times.add(marks)
        at = times.before(min([marks.completed_until, *marks.open]))
        # Whoever continues from here later knows no times of transactions.
        self._marks = replace(marks, position=replace(marks.position, at=at))

    def _end(self, marks: Marks) -> None:
        self._last, self._marks = marks, None
        self._forget(marks.position.at - OVERLAP)
        if len(self._seen) > _MAX_SEEN:
            self._forgotten_until = marks.at - OVERLAP
            self._forget(self._forgotten_until)

    def _forget(self, until: datetime) -> None:
        self._seen = {(id, at) for id, at in self._seen if at > until}
