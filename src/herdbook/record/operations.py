"""Records bulk operations: actions on many jobs, which jobs they concern, and their progress.

Nothing here changes a job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from herdbook.errors import OperationNotFoundError
from herdbook.model.ids import new_job_id
from herdbook.record.database import Connection
from herdbook.record.search import JobFilter
from herdbook.record.sql import statement

_Filter = TypeAdapter(JobFilter)


class OperationAction(StrEnum):
    """What can be done to many jobs at once."""

    RETRY = "retry"
    CANCEL = "cancel"
    PROMOTE = "promote"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An action on the jobs that `wanted` selects, up to the id `newest`.

    Jobs are processed newest first; `cursor` is the last one so far. `expected` is how many jobs matched
    at the start, `skipped` how many were in a state that does not allow the action; `problems` lists the
    first of those with the reason. `reason` is why jobs are cancelled, None if none was given.
    """

    id: UUID
    action: OperationAction
    wanted: JobFilter | tuple[UUID, ...]
    newest: UUID
    cursor: UUID | None
    expected: int
    reason: str | None
    changed: int
    skipped: int
    problems: tuple[tuple[UUID, str], ...]
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


async def insert_operation(
    connection: Connection,
    action: OperationAction,
    wanted: JobFilter | Sequence[UUID],
    expected: int,
    reason: str | None,
) -> Operation:
    """Begin an operation; jobs published from now on are not part of it."""
    row = await connection.fetchrow(
        statement("insert_operation"), new_job_id(), action.value, _wanted_json(wanted), expected, reason
    )
    assert row is not None
    return _operation(row)


async def take_operation(connection: Connection) -> Operation | None:
    """An open operation, locked until the transaction ends; None if none is available."""
    row = await connection.fetchrow(statement("take_operation"))
    return _operation(row) if row else None


async def advance_operation(
    connection: Connection,
    operation: Operation,
    *,
    cursor: UUID | None,
    changed: int,
    skipped: int,
    problems: Mapping[UUID, str],
) -> None:
    """Record the result of a batch; without a `cursor` it was the last one."""
    await connection.execute(
        statement("advance_operation"),
        operation.id,
        cursor,
        changed,
        skipped,
        orjson.dumps([[str(job), reason] for job, reason in problems.items()]).decode(),
        cursor is None,
    )


async def prune_operations(connection: Connection, age: timedelta) -> None:
    """Delete operations that ended longer than `age` ago."""
    await connection.execute(statement("prune_operations"), age)


async def read_operation(connection: Connection, id: UUID) -> Operation:
    """One operation; raises OperationNotFoundError."""
    row = await connection.fetchrow(statement("read_operation"), id)
    if row is None:
        raise OperationNotFoundError(f"the record has no operation {id}")
    return _operation(row)


async def read_operations(connection: Connection, limit: int) -> list[Operation]:
    """The newest `limit` operations."""
    return [_operation(row) for row in await connection.fetch(statement("read_operations"), limit)]


def _wanted_json(wanted: JobFilter | Sequence[UUID]) -> str:
    if not isinstance(wanted, JobFilter):
        return orjson.dumps({"ids": list(map(str, wanted))}).decode()
    page = JobFilter()
    whole = replace(wanted, before=page.before, limit=page.limit, offset=page.offset)
    return _Filter.dump_json(whole, exclude_defaults=True).decode()


def _operation(row: "asyncpg.Record") -> Operation:
    fields: dict[str, Any] = {name: row[name] for name in Operation.__slots__}
    wanted, problems = fields.pop("wanted"), fields.pop("problems")
    return Operation(
        **{**fields, "action": OperationAction(row["action"])},
        wanted=tuple(map(UUID, wanted["ids"])) if "ids" in wanted else _Filter.validate_python(wanted),
        problems=tuple((UUID(job), reason) for job, reason in problems),
    )
