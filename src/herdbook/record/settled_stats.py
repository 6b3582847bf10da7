"""Reads what ended since a given minute, by queue and type, up to the last minute whose rollup is final.

Continuing from where a read stopped never returns a minute twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from herdbook.record.database import Connection
from herdbook.record.rollups import MINUTE, RollupState, read_rollup_state
from herdbook.record.sql import statement

_MINUTE = timedelta(seconds=MINUTE)
# A minute is rolled up once more together with the next, some seconds after that one has ended.
_SETTLED = _MINUTE + timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedInMinute:
    """The attempts of a queue and type that ended in one minute, with histograms as in the table `figures`."""

    queue: str
    job_type: str
    completed: int
    retried: int
    failed: int
    run: dict[int, int]
    wait: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSince:
    """What ended, and the time from which to read next."""

    minutes: list[EndedInMinute]
    until: datetime


async def read_ended_since(connection: Connection, since: datetime) -> EndedSince:
    """What ended in the settled minutes from `since` on, which must be the start of a minute."""
    until = max(since, _settled_until(await read_rollup_state(connection), since))
    rows = await connection.fetch(statement("read_rollups_by_type"), since, until)
    minutes = [
        EndedInMinute(
            **{**dict(row), "run": _histogram(row["run"]), "wait": _histogram(row["wait"])},
        )
        for row in rows
    ]
    return EndedSince(minutes=minutes, until=until)


def _settled_until(rollups: RollupState, since: datetime) -> datetime:
    if rollups.until is None:
        return since
    return rollups.until if rollups.now - rollups.until > _SETTLED else rollups.until - _MINUTE


def _histogram(counts: dict[str, int]) -> dict[int, int]:
    return {int(bucket): count for bucket, count in counts.items()}
