"""The fence as a model: what a job's record must become, whatever workers, Redis and operators do in whatever order.

Hypothesis drives the real SQL and compares it, step by step, with the rules as they are written here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from herdbook.model.ids import new_job_id
from herdbook.model.job import AttemptKey, JobStatus, NewJob
from herdbook.model.outcome import Cancelled, ErrorReport, Failed, Outcome, Released, Snoozed, Succeeded, WillRetry
from herdbook.operating.control import OperationAction, change_jobs
from herdbook.record.attempts import (
    FinishedAttempt,
    claim_jobs_if_newer_attempt,
    finish_attempts_if_running,
    read_jobs_if_pending,
)
from herdbook.record.database import Connection, Database
from herdbook.record.outbox import insert_jobs
from herdbook.record.reconciliation import OpenJob, redeliver_jobs_if_unchanged

from .servers import PrivateServers, laboratory_folder

Result = TypeVar("Result")
_ERROR = ErrorReport(type="E", message="broken")
_OUTCOMES: tuple[Outcome, ...] = (
    Succeeded(result="1"),
    Failed(error=_ERROR),
    Cancelled(error=_ERROR),
    WillRetry(error=_ERROR, after=10),
    Snoozed(after=10),
    Released(),
)
_ENDS = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one worker holds, for as long as it likes: it may report late, twice, or never."""

    generation: int
    number: int
    worker: str
    attempts_made: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The part of a job's record that the fence is about."""

    status: JobStatus
    generation: int
    attempt: int
    attempts_made: int
    worker: str | None
    result: Any
    updated_at: Any


class _RolledBackError(Exception):
    """The transaction is not to be committed."""


class Fence(RuleBasedStateMachine):
    """One job, two workers, a Redis that may forget, and an operator."""

    deliveries = Bundle("deliveries")
    database: Database
    runner: "asyncio.Runner"

    @initialize()
    def publish(self) -> None:
        self.job = new_job_id()
        # Deliveries that Redis has counted, by generation: each has an id of its own in the queue.
        self.started = {0: 0}
        new = NewJob(
            id=self.job, queue="q", job_type="t", job_data="1", priority=0, run_at=None, max_attempts=3, backoff=None
        )
        self._commit(lambda connection: insert_jobs(connection, [new]))

    @rule(target=deliveries, worker=st.sampled_from("ab"), made=st.integers(0, 2), back=st.integers(0, 1))
    def deliver(self, worker: str, made: int, back: int) -> Delivered:
        """Redis hands the job to a worker; an earlier generation may still be there."""
        generation = max(0, max(self.started) - back)
        self.started[generation] += 1
        return Delivered(generation=generation, number=self.started[generation], worker=worker, attempts_made=made)

    @rule(count=st.integers(1, 2))
    def lose_newest_writes(self, count: int) -> None:
        """Redis is set back: it counts some deliveries again."""
        newest = max(self.started)
        self.started[newest] = max(0, self.started[newest] - count)

    @rule(delivery=deliveries)
    def read_claim(self, delivery: Delivered) -> None:
        before = self._recorded()
        claimed = self._commit(lambda connection: read_jobs_if_pending(connection, "q", [self._key(delivery)]))
        is_new = before.generation == delivery.generation and before.attempt < delivery.number
        assert bool(claimed) == (before.status is JobStatus.PENDING and is_new)
        assert self._recorded() == before

    @rule(delivery=deliveries, is_repeat=st.booleans(), is_lost=st.booleans())
    def claim(self, delivery: Delivered, is_repeat: bool, is_lost: bool) -> None:
        before = self._recorded()
        is_newer = before.attempt < delivery.number and (
            before.status in (JobStatus.PENDING, JobStatus.PROCESSING)
            or (before.status is JobStatus.FAILED and delivery.attempts_made >= before.attempts_made)
        )
        is_own = (before.status, before.attempt, before.worker) == (
            JobStatus.PROCESSING,
            delivery.number,
            delivery.worker,
        )
        may = before.generation == delivery.generation and (is_newer or (is_repeat and is_own))
        claimed = self._change(
            lambda connection: claim_jobs_if_newer_attempt(
                connection, [self._key(delivery)], [delivery.attempts_made], delivery.worker, is_repeat=is_repeat
            ),
            is_lost=is_lost,
        )
        assert bool(claimed) == may
        if may and not is_lost:
            after = self._recorded()
            assert (after.status, after.attempt, after.worker) == (
                JobStatus.PROCESSING,
                delivery.number,
                delivery.worker,
            )

    @rule(delivery=deliveries, outcome=st.sampled_from(_OUTCOMES), is_lost=st.booleans())
    def finish(self, delivery: Delivered, outcome: Outcome, is_lost: bool) -> None:
        before = self._recorded()
        is_running = (before.status, before.attempt, before.worker) == (
            JobStatus.PROCESSING,
            delivery.number,
            delivery.worker,
        )
        is_first = before.status is JobStatus.PENDING and before.attempt < delivery.number
        may = before.generation == delivery.generation and (is_running or is_first)
        made = delivery.attempts_made + outcome.is_counted
        ended = FinishedAttempt(key=self._key(delivery), outcome=outcome, attempts_made=made)
        recorded = self._change(
            lambda connection: finish_attempts_if_running(connection, [ended], delivery.worker), is_lost=is_lost
        )
        assert bool(recorded) == may
        if may and not is_lost:
            after = self._recorded()
            assert (after.status, after.attempt, after.worker) == (outcome.status, delivery.number, None)
            assert (after.result == 1) == isinstance(outcome, Succeeded)

    @rule(action=st.sampled_from((OperationAction.RETRY, OperationAction.CANCEL)), is_lost=st.booleans())
    def operate(self, action: OperationAction, is_lost: bool) -> None:
        before = self._recorded()
        is_over = before.status in (JobStatus.FAILED, JobStatus.CANCELLED)
        may = is_over if action is OperationAction.RETRY else before.status is JobStatus.PENDING
        changes = self._change(lambda connection: change_jobs(connection, action, [self.job]), is_lost=is_lost)
        assert bool(changes.changed) == may
        if may and not is_lost and action is OperationAction.RETRY:
            after = self._recorded()
            assert (after.generation, after.attempt) == (before.generation + 1, 0)
            self.started[after.generation] = 0

    @rule(is_stale=st.booleans(), is_lost=st.booleans())
    def redeliver(self, is_stale: bool, is_lost: bool) -> None:
        """The reconciler compared the job with Redis, now or before its last change, and found it missing."""
        before = self._recorded()
        compared = getattr(self, "compared", before.updated_at) if is_stale else before.updated_at
        job = OpenJob(
            id=self.job,
            queue="q",
            job_id=str(self.job),
            status=before.status,
            attempt=before.attempt,
            updated_at=compared,
            is_held=False,
        )
        self._commit(lambda connection: connection.execute("DELETE FROM herdbook.outbox"))
        sent = self._change(lambda connection: redeliver_jobs_if_unchanged(connection, [job]), is_lost=is_lost)
        assert bool(sent) == (before.status not in _ENDS and compared == before.updated_at)
        self.compared = before.updated_at

    def _key(self, delivery: Delivered) -> AttemptKey:
        return AttemptKey(job=self.job, generation=delivery.generation, number=delivery.number)

    def _change(self, change: Callable[[Connection], Awaitable[Result]], *, is_lost: bool) -> Result:
        """Make a change, which PostgreSQL loses again if `is_lost`; then the record must not have gone backwards."""
        before, attempts = self._recorded(), self._attempts()
        result = self._commit(change, is_lost=is_lost)
        after = self._recorded()
        assert (after.generation, after.attempt) >= (before.generation, before.attempt)
        if after.generation == before.generation and before.status in (JobStatus.COMPLETED, JobStatus.CANCELLED):
            assert after == before
        if is_lost:
            assert after == before
        now = self._attempts()
        assert now.items() >= attempts.items(), "an attempt was rewritten"
        if after.status is JobStatus.COMPLETED:
            completed = [
                attempt
                for (generation, attempt), end in now.items()
                if end == "completed" and generation == after.generation
            ]
            assert completed == [after.attempt]
        return result

    def _commit(self, change: Callable[[Connection], Awaitable[Result]], *, is_lost: bool = False) -> Result:
        async def run() -> Result:
            try:
                async with self.database.transaction() as connection:
                    result = await change(connection)
                    if is_lost:
                        raise _RolledBackError
            except _RolledBackError:
                pass
            return result

        return self.runner.run(run())

    def _recorded(self) -> Recorded:
        async def read(connection: Connection) -> Recorded:
            row = await connection.fetchrow(
                "SELECT status::text, generation, attempt, attempts_made, worker, result, updated_at"
                " FROM herdbook.jobs WHERE id = $1",
                self.job,
            )
            assert row is not None
            return Recorded(**{**dict(row), "status": JobStatus(row["status"])})

        return self._commit(read)

    def _attempts(self) -> dict[tuple[int, int], str]:
        async def read(connection: Connection) -> dict[tuple[int, int], str]:
            rows = await connection.fetch(
                "SELECT generation, attempt, outcome::text FROM herdbook.job_attempts WHERE job = $1", self.job
            )
            return {(row["generation"], row["attempt"]): row["outcome"] for row in rows}

        return self._commit(read)


def examine_fence(database_url: str, *, examples: int, steps: int, is_random: bool) -> None:
    """Drive so many jobs through so many steps each; raises AssertionError with the shortest way to a difference."""
    with asyncio.Runner() as runner:
        database = Database(database_url, size=1)
        runner.run(database.open())
        machine = type("Fence", (Fence,), {"database": database, "runner": runner})
        limits = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=not is_random,
            suppress_health_check=list(HealthCheck),
        )
        try:
            run_state_machine_as_test(machine, settings=limits)
        finally:
            runner.run(database.close())


def examine_on_a_server(examples: int, *, folder: Path | None = None) -> None:
    """The same, at random and at length, on a server of its own."""
    with laboratory_folder(folder) as own, PrivateServers(own).running() as servers:
        asyncio.run(servers.prepare())
        examine_fence(servers.database_url, examples=examples, steps=60, is_random=True)
