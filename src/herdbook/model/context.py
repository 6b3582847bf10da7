"""What a processor can ask about its job, and what it reports: progress, log lines, artifacts.

It never talks to a server, so that any thread may call it.
"""

import json
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import orjson

from herdbook.model.artifacts import Artifact
from herdbook.model.storable import find_nan, holds_nul, storable_json, storable_text

# Characters of a log line.
_LONGEST_LINE = 10_000


class ArtifactSaver(Protocol):
    """The one method of `artifacts.ArtifactStore` that a running job needs."""

    def save(self, job: UUID, name: str, content: bytes, media_type: str) -> Artifact:
        """Store this job's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that a processor logged; `was_sent` means that it may already have been recorded."""

    at: datetime
    message: str
    was_sent: bool = False


@dataclass(slots=True, kw_only=True)
class Report:
    """What a processor has reported since the last flush; `progress` is JSON text."""

    progress: str | None = None
    logs: list[LogLine] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.progress is not None or bool(self.logs)


NOTHING = Report()


class JobContext:
    """The running job as its processor sees it.

    `id` is the job's id in the record, `attempt` counts from 1, `reported` is the last progress of
    earlier attempts (None for the first), so that a retry can resume where they stopped.
    `deadline` is when this attempt times out; None without a time limit.
    """

    __slots__ = (
        "_artifacts",
        "_began",
        "_cancelled",
        "_logged",
        "_max_log_lines",
        "_report",
        "_started_at",
        "attempt",
        "deadline",
        "id",
        "job_type",
        "queue",
        "reported",
    )

    def __init__(
        self,
        *,
        id: UUID,
        job_type: str,
        queue: str,
        attempt: int,
        reported: Any,
        artifacts: ArtifactSaver,
        deadline: datetime | None = None,
        started_at: datetime | None = None,
        began: float = 0.0,
        max_log_lines: int | None = None,
    ) -> None:
        """It began at `started_at` by the record's clock, and at `began` by `time.monotonic`."""
        self.id = id
        self.job_type = job_type
        self.queue = queue
        self.attempt = attempt
        self.reported = reported
        self.deadline = deadline
        self._started_at = started_at
        self._began = began
        self._artifacts = artifacts
        self._cancelled = False
        self._max_log_lines = max_log_lines
        # All lines, also those beyond the limit.
        self._logged = 0
        # Created on demand: most jobs report nothing.
        self._report: Report | None = None

    @property
    def cancelled(self) -> bool:
        """Whether this attempt should end: it timed out, its job was cancelled, or its worker is stopping.

        A long-running function should check this now and then, and return; its return value is then ignored.
        """
        return self._cancelled

    def progress(self, value: Any) -> None:
        """Report progress: a number (0 to 100) or any JSON value. Raises TypeError for other values.

        Characters that PostgreSQL cannot store (NUL, a lone surrogate) are replaced, as in log lines.
        """
        try:
            encoded = orjson.dumps(value)
        except TypeError as error:
            # The standard library encodes lone surrogates, but fewer types.
            with suppress(TypeError, ValueError):
                self._pending_report().progress = storable_json(json.dumps(value, allow_nan=False))
                return
            raise error from None
        if (path := find_nan(value, encoded)) is not None:
            raise TypeError(f"progress{path} is NaN or infinite, which is not JSON")
        text = encoded.decode()
        self._pending_report().progress = storable_json(text) if holds_nul(text) else text

    def log(self, message: object) -> None:
        """Add a line to the job's log in the record; beyond the limit of an attempt, lines are only counted.

        A line of more than 10,000 characters is cut.
        """
        if self._takes_line():
            text = str(message)
            if len(text) > _LONGEST_LINE:
                text = f"{text[:_LONGEST_LINE]}[…]"
            self._pending_report().logs.append(LogLine(at=self.now(), message=storable_text(text)))

    def now(self) -> datetime:
        """The time by the record's clock, since this machine's may be wrong."""
        if self._started_at is None:
            return datetime.now(UTC)
        return self._started_at + timedelta(seconds=monotonic() - self._began)

    def save_artifact(self, name: str, content: bytes, media_type: str) -> Artifact:
        """Store a file that this job produced, served at `/api/jobs/{id}/artifact`. One per job, the last wins."""
        return self._artifacts.save(self.id, name, content, media_type)

    def mark_cancelled(self) -> None:
        """Tell the processor that this attempt should end; for the executor."""
        self._cancelled = True

    def add_report(self, newer: Report) -> None:
        """Append a report from the job's own process, newer than what is pending here."""
        pending = self._pending_report()
        pending.logs += [line for line in newer.logs if self._takes_line()]
        if newer.progress is not None:
            pending.progress = newer.progress

    def take_report(self) -> Report:
        """What was reported since the last call; for the executor."""
        report, self._report = self._report, None
        return report or NOTHING

    def take_last_report(self) -> Report:
        """The same when the attempt has ended: the last line of its log says how many were dropped."""
        limit = self._max_log_lines
        if limit is not None and self._logged > limit:
            message = f"lines dropped: {self._logged - limit:,}, because HERDBOOK_MAX_LOG_LINES is {limit:,}"
            self._pending_report().logs.append(LogLine(at=self.now(), message=message))
            # Said once, even if recording it has to be repeated.
            self._logged = limit
        return self.take_report()

    def put_back(self, older: Report) -> None:
        """Return a report that may not have been recorded, for the next `take_report`."""
        newer = self._pending_report()
        self._report = Report(
            progress=older.progress if newer.progress is None else newer.progress,
            logs=[replace(line, was_sent=True) for line in older.logs] + newer.logs,
        )

    def _takes_line(self) -> bool:
        self._logged += 1
        return self._max_log_lines is None or self._logged <= self._max_log_lines

    def _pending_report(self) -> Report:
        if self._report is None:
            self._report = Report()
        return self._report


# The job whose function is being called, for log lines. One variable rather than one per field,
# because it is set for every job but read only by those that log.
running_job: ContextVar[JobContext] = ContextVar("herdbook_job")
