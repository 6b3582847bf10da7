"""Takes what a processor reports while it runs: progress, log lines, artifacts.

Gives the processor its job's identity, and the executor what is to be written down.
Never talks to a server itself, so its calls are plain functions that any thread may make.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from herdbook.artifacts import Artifact, ArtifactStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that a processor logged."""

    at: datetime
    message: str


@dataclass(slots=True, kw_only=True)
class Notes:
    """What a processor reported since the last look; `progress` is JSON text."""

    progress: str | None = None
    logs: list[LogLine] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.progress is not None or bool(self.logs)


class JobContext:
    """What a processor may know of its job, and tell of its work.

    `id` is the record's id, `attempt` counts from 1, `reported` is the progress that earlier
    attempts left behind (None for the first), so that a retry can go on where they stopped.
    """

    __slots__ = ("_artifacts", "_notes", "attempt", "id", "job_type", "queue", "reported")

    def __init__(
        self, *, id: UUID, job_type: str, queue: str, attempt: int, reported: Any, artifacts: ArtifactStore
    ) -> None:
        self.id = id
        self.job_type = job_type
        self.queue = queue
        self.attempt = attempt
        self.reported = reported
        self._artifacts = artifacts
        self._notes = Notes()

    def progress(self, value: Any) -> None:
        """Report how far the work is: a number (0 to 100) or any JSON value. Raises TypeError for other values."""
        self._notes.progress = orjson.dumps(value).decode()

    def log(self, message: object) -> None:
        """Write a line to the job's log, kept in the record."""
        # A NUL has no place in PostgreSQL's text; the rest of the line is worth keeping.
        line = LogLine(at=datetime.now(UTC), message=str(message).replace("\0", "\N{REPLACEMENT CHARACTER}"))
        self._notes.logs.append(line)

    def save_artifact(self, name: str, content: bytes, media_type: str) -> Artifact:
        """Keep a file that this job made; it is served at `/api/jobs/{id}/artifact`. One per job, the last wins."""
        return self._artifacts.save(self.id, name, content, media_type)

    def take_notes(self) -> Notes:
        """What was reported since the last call; for the executor."""
        notes, self._notes = self._notes, Notes()
        return notes

    def put_back(self, notes: Notes) -> None:
        """Notes that could not be written down yet, for the next call of `take_notes`."""
        newer = self._notes
        self._notes = Notes(
            progress=notes.progress if newer.progress is None else newer.progress,
            logs=notes.logs + newer.logs,
        )
