"""Takes what a processor reports while it runs: progress, log lines, artifacts.

Gives the processor its job's identity, and the executor what is to be written down.
Never talks to a server itself, so its calls are plain functions that any thread may make.
"""

import json
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import orjson

from herdbook.model.artifacts import Artifact
from herdbook.model.storable import holds_nul, storable_json, storable_text


class Keeper(Protocol):
    """Keeps artifacts, see `artifacts.ArtifactStore`."""

    def save(self, job: UUID, name: str, content: bytes, media_type: str) -> Artifact:
        """Keep the file of this job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that a processor logged; `was_sent` when it may have been written down already."""

    at: datetime
    message: str
    was_sent: bool = False


@dataclass(slots=True, kw_only=True)
class Report:
    """What a processor reported since the last look; `progress` is JSON text."""

    progress: str | None = None
    logs: list[LogLine] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.progress is not None or bool(self.logs)


NOTHING = Report()


class JobContext:
    """What a processor may know of its job, and tell of its work.

    `id` is the record's id, `attempt` counts from 1, `reported` is the progress that earlier
    attempts left behind (None for the first), so that a retry can go on where they stopped.
    `deadline` is when this try must have ended; None without a time limit.
    """

    __slots__ = ("_artifacts", "_cancelled", "_notes", "attempt", "deadline", "id", "job_type", "queue", "reported")

    def __init__(
        self,
        *,
        id: UUID,
        job_type: str,
        queue: str,
        attempt: int,
        reported: Any,
        artifacts: Keeper,
        deadline: datetime | None = None,
    ) -> None:
        self.id = id
        self.job_type = job_type
        self.queue = queue
        self.attempt = attempt
        self.reported = reported
        self.deadline = deadline
        self._artifacts = artifacts
        self._cancelled = False
        # Made when there is something to note: most jobs have nothing.
        self._notes: Report | None = None

    @property
    def cancelled(self) -> bool:
        """Whether this try is to end: its time is up, its job was cancelled, or its worker stops.

        A function that runs long should look now and then, and return: whatever it returns is ignored.
        """
        return self._cancelled

    def progress(self, value: Any) -> None:
        """Report how far the work is: a number (0 to 100) or any JSON value. Raises TypeError for other values.

        What PostgreSQL cannot store (NUL, half a surrogate pair) is replaced, as in log lines.
        """
        try:
            text = orjson.dumps(value).decode()
        except TypeError as error:
            # The standard library writes half a surrogate pair, but fewer types.
            with suppress(TypeError, ValueError):
                self._noted().progress = storable_json(json.dumps(value, allow_nan=False))
                return
            raise error from None
        self._noted().progress = storable_json(text) if holds_nul(text) else text

    def log(self, message: object) -> None:
        """Write a line to the job's log, kept in the record."""
        self._noted().logs.append(LogLine(at=datetime.now(UTC), message=storable_text(str(message))))

    def save_artifact(self, name: str, content: bytes, media_type: str) -> Artifact:
        """Keep a file that this job made; it is served at `/api/jobs/{id}/artifact`. One per job, the last wins."""
        return self._artifacts.save(self.id, name, content, media_type)

    def mark_cancelled(self) -> None:
        """Tell the processor that this try is to end; for the executor."""
        self._cancelled = True

    def add_report(self, notes: Report) -> None:
        """Report that came from elsewhere (the job's process), newer than those that wait here."""
        mine = self._noted()
        mine.logs += notes.logs
        if notes.progress is not None:
            mine.progress = notes.progress

    def take_report(self) -> Report:
        """What was reported since the last call; for the executor."""
        notes, self._notes = self._notes, None
        return notes or NOTHING

    def put_back(self, notes: Report) -> None:
        """Report that could not be written down yet, for the next call of `take_report`."""
        newer = self._noted()
        self._notes = Report(
            progress=notes.progress if newer.progress is None else newer.progress,
            logs=[replace(line, was_sent=True) for line in notes.logs] + newer.logs,
        )

    def _noted(self) -> Report:
        if self._notes is None:
            self._notes = Report()
        return self._notes


# The job whose function is being called; log lines are given its names. One variable rather than one for each name,
# because it is set for every job, and read only by those that log.
running_job: ContextVar[JobContext] = ContextVar("herdbook_job")
