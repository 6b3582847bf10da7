"""Reading the changes since a position."""

from datetime import timedelta
from uuid import UUID

import pytest

from herdbook.model.job import JobStatus
from herdbook.record.changes import cancel_jobs_if_pending
from herdbook.record.database import Connection, Database
from herdbook.record.feed import OVERLAP, REACH, ChangeReader, Position, read_changes, read_marks
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.testing import eventually

BEAT = WorkerBeat(id="w", host="h", pid=7, queues=["q"], concurrency=100, running=3, state="running")


async def publish(connection: Connection, count: int = 1) -> list[UUID]:
    """New jobs, each in a transaction of its own."""
    return [await connection.fetchval("SELECT herdbook.publish('note', '{}', queue => 'q')") for _ in range(count)]


async def ids(reader: ChangeReader, connection: Connection) -> list[UUID]:
    """The jobs in all remaining changes."""
    found = []
    while True:
        batch = await reader.next_batch(connection)
        found += [change.id for change in batch.changes]
        if batch.is_last:
            return found


async def test_a_reader_starts_now_and_returns_each_change_once(database: Database) -> None:
    async with database.connection() as connection:
        await publish(connection)
        reader = ChangeReader()
        first = await reader.next_batch(connection)
        assert (first.changes, first.is_gap, first.is_last) == ([], True, True)
        wanted = await publish(connection, 3)
        assert await ids(reader, connection) == wanted
        assert await ids(reader, connection) == []
        await connection.execute("UPDATE herdbook.jobs SET progress = '7', updated_at = now() WHERE id = $1", wanted[1])
        (change,) = (await reader.next_batch(connection)).changes
        assert (change.id, change.progress, change.status) == (wanted[1], 7, JobStatus.PENDING)
        assert (change.queue, change.job_type, change.attempt, change.generation) == ("q", "note", 0, 0)
        assert change.updated_at > change.created_at


async def test_a_change_that_is_committed_late_is_read(database: Database) -> None:
    async with database.connection() as connection, database.connection() as slow:
        reader = ChangeReader()
        await reader.next_batch(connection)
        transaction = slow.transaction()
        await transaction.start()
        (late,) = await publish(slow)
        early = await publish(connection, 2)
        assert await ids(reader, connection) == early
        # While it is open, changes that were read before lie in the overlap and are read again.
        assert await ids(reader, connection) == []
        await transaction.commit()
        assert await ids(reader, connection) == [late]
        assert await ids(reader, connection) == []


@pytest.fixture
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every transaction that is open during a read is a long one."""
    monkeypatch.setattr("herdbook.record.feed.OVERLAP", timedelta(0))


@pytest.mark.usefixtures("no_overlap")
@pytest.mark.parametrize("is_open_at_first", [False, True])
async def test_a_change_of_a_long_transaction_is_read_once_it_is_committed(
    database: Database, is_open_at_first: bool
) -> None:
    async with database.connection() as connection, database.connection() as slow:
        reader = ChangeReader()
        transaction = slow.transaction()
        if not is_open_at_first:
            await reader.next_batch(connection)
        await transaction.start()
        (late,) = await publish(slow)
        async with slow.transaction():
            (saved,) = await publish(slow)
        if is_open_at_first:
            await reader.next_batch(connection)
        for _ in range(3):
            early = await publish(connection, 2)
            assert await ids(reader, connection) == early
        position = (await reader.next_batch(connection)).position
        await transaction.commit()
        last = await publish(connection)
        assert await ids(reader, connection) == [late, saved, *last]
        assert await ids(reader, connection) == []
        # A client that lost its stream before the commit does not miss it either.
        assert {late, saved, *last} <= set(await ids(ChangeReader(position), connection))


@pytest.mark.usefixtures("no_overlap")
async def test_of_two_long_transactions_the_later_may_be_committed_first(database: Database) -> None:
    async with database.connection() as connection, database.connection() as one, database.connection() as two:
        reader = ChangeReader()
        await reader.next_batch(connection)
        first, second = one.transaction(), two.transaction()
        await first.start()
        (older,) = await publish(one)
        assert await ids(reader, connection) == []
        await second.start()
        (newer,) = await publish(two)
        for _ in range(2):
            assert await ids(reader, connection) == []
        await second.commit()
        assert await ids(reader, connection) == [newer]
        await first.commit()
        assert await ids(reader, connection) == [older]


@pytest.mark.usefixtures("no_overlap")
async def test_a_change_at_the_end_of_a_transaction_that_began_long_before_is_read(database: Database) -> None:
    async with database.connection() as connection, database.connection() as slow:
        reader = ChangeReader()
        async with slow.transaction():
            await slow.execute("SELECT count(*) FROM herdbook.jobs")
            early = await publish(connection)
            await reader.next_batch(connection)
            assert await ids(reader, connection) == []
            late = await publish(slow)
        assert await ids(reader, connection) == late
        async with slow.transaction():
            await slow.execute("SELECT count(*) FROM herdbook.jobs")
            assert await ids(reader, connection) == []
            assert await cancel_jobs_if_pending(slow, early, "not needed")
        assert await ids(reader, connection) == early


@pytest.mark.usefixtures("no_overlap")
async def test_more_changes_than_can_be_remembered_while_a_transaction_is_open_are_a_gap(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herdbook.record.feed._MAX_SEEN", 3)
    async with database.connection() as connection, database.connection() as slow:
        reader = ChangeReader()
        await reader.next_batch(connection)
        transaction = slow.transaction()
        await transaction.start()
        await publish(slow)
        for count in (2, 3, 4):
            early = await publish(connection, count)
            assert await ids(reader, connection) == early
        await transaction.commit()
        assert (await reader.next_batch(connection)).is_gap
        assert await ids(reader, connection) == []
        (after,) = await publish(connection)
        assert await ids(reader, connection) == [after]


async def test_a_change_inside_a_savepoint_is_read(database: Database) -> None:
    async with database.connection() as connection, database.connection() as slow:
        reader = ChangeReader()
        async with slow.transaction():
            await publish(slow)
            async with slow.transaction():
                await publish(slow)
            await reader.next_batch(connection)
        assert len(await ids(reader, connection)) == 2


async def test_pages_are_read_one_after_the_other(database: Database) -> None:
    async with database.connection() as connection:
        begin = ChangeReader()
        start = (await begin.next_batch(connection)).position
        async with connection.transaction():
            wanted = set(await publish(connection, 7))
        reader = ChangeReader(start, page=3)
        batches = [await reader.next_batch(connection) for _ in range(3)]
        assert [(len(batch.changes), batch.is_last) for batch in batches] == [(3, False), (3, False), (1, True)]
        assert {change.id for batch in batches for change in batch.changes} == wanted
        assert await ids(reader, connection) == []
        # Reading can continue from each page's position.
        after = {change.id for change in await read_changes(connection, batches[2].position)}
        assert after == set()
        assert set(await ids(ChangeReader(batches[0].position), connection)) >= wanted - {
            change.id for change in batches[0].changes
        }


async def test_another_reader_can_continue_from_a_position(database: Database) -> None:
    async with database.connection() as connection:
        reader = ChangeReader()
        await reader.next_batch(connection)
        await publish(connection)
        position = (await reader.next_batch(connection)).position
        missed = await publish(connection, 2)
        assert await ids(ChangeReader(position), connection) == missed


@pytest.mark.parametrize("transaction", [0, 1, 2**32 - 1, 2**31])
async def test_a_transaction_of_another_server_hides_nothing(database: Database, transaction: int) -> None:
    async with database.connection() as connection:
        marks = await read_marks(connection)
        wanted = await publish(connection)
        reader = ChangeReader(Position(at=marks.position.at, transaction=transaction))
        assert await ids(reader, connection) == wanted


async def test_a_position_that_is_too_old_is_a_gap(database: Database) -> None:
    async with database.connection() as connection:
        now = (await read_marks(connection)).position
        reader = ChangeReader(Position(at=now.at - REACH - timedelta(seconds=1), transaction=now.transaction))
        batch = await reader.next_batch(connection)
        assert (batch.is_gap, batch.changes) == (True, [])
        assert batch.position.at >= now.at
        wanted = await publish(connection)
        assert await ids(reader, connection) == wanted


async def test_seen_changes_are_forgotten_after_the_overlap(database: Database) -> None:
    async with database.connection() as connection:
        reader = ChangeReader()
        await reader.next_batch(connection)
        await publish(connection)
        (change,) = (await reader.next_batch(connection)).changes
        assert reader.unseen([change]) == []

        async def forgotten() -> bool:
            await reader.next_batch(connection)
            return reader.unseen([change]) == [change]

        assert await eventually(forgotten)
        assert (await read_marks(connection)).position.at - change.updated_at >= OVERLAP


async def test_marks_differ_once_workers_pauses_or_operations_have_changed(database: Database) -> None:
    async with database.connection() as connection:
        before = await read_marks(connection)
        assert (before.workers, before.pauses) == ("", {})
        await beat_worker(connection, BEAT)
        with_worker = await read_marks(connection)
        await beat_worker(connection, BEAT)
        assert (await read_marks(connection)).workers == with_worker.workers != before.workers
        await connection.execute("UPDATE herdbook.workers SET heartbeat_at = now() - interval '16 s'")
        assert (await read_marks(connection)).workers != with_worker.workers
        await connection.execute("INSERT INTO herdbook.queues (name, paused) VALUES ('q', true)")
        assert (await read_marks(connection)).pauses == {"q": True}
        operations = [before.operations]
        for change in (
            "INSERT INTO herdbook.operations (id, action, wanted, newest)"
            " VALUES (herdbook.new_job_id(), 'retry', '{}', herdbook.new_job_id())",
            "UPDATE herdbook.operations SET changed = 1, updated_at = clock_timestamp()",
            "UPDATE herdbook.operations SET finished_at = now()",
            # One that started and finished between two reads.
            "INSERT INTO herdbook.operations (id, action, wanted, newest, finished_at)"
            " VALUES (herdbook.new_job_id(), 'retry', '{}', herdbook.new_job_id(), now())",
        ):
            await connection.execute(change)
            operations.append((await read_marks(connection)).operations)
        assert len(set(operations)) == 5
