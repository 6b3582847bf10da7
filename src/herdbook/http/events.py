"""The route that streams changes of jobs as server-sent events."""

import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import FastAPI, Header, Query
from pydantic import Field

from herdbook.errors import FieldProblem, RecordUnavailableError
from herdbook.http.event_stream import RETRY, EventStream, message
from herdbook.http.openapi import problem_responses
from herdbook.http.problems import INVALID_REQUEST, Refused
from herdbook.model.job import JobStatus
from herdbook.model.options import CamelModel
from herdbook.operating.feed import Batch, ChangeFeed
from herdbook.record.database import Database
from herdbook.record.feed import ChangeReader, JobChange, Position

_RESET = '{"reason":"events before this one were missed: read the jobs you need again"}'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds and a transaction id.
_TOKEN = re.compile(r"(\d{1,17})-(\d{1,10})", re.ASCII)
_EXAMPLE = """\
retry: 2000

event: job.completed
id: 1767225600000000-8412
data: {"jobId":"019b7a2c-5c00-7c1e-8000-3f2d6c9b1a55","jobType":"email","queue":"email","status":"completed",\
"attempt":1,"generation":0,"progress":null,"errorMessage":null,"at":"2026-01-01T00:00:00Z"}
"""
_DESCRIPTION = {
    "description": "The events, until either side closes the stream. `reset` means that events were missed.",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
}
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class EventName(StrEnum):
    """What can happen to a job."""

    PENDING = "job.pending"
    PROCESSING = "job.processing"
    PROGRESS = "job.progress"
    COMPLETED = "job.completed"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"

    @classmethod
    def of(cls, change: JobChange) -> Self:
        """The event of a change."""
        if change.status is JobStatus.PROCESSING and change.started_at != change.updated_at:
            return cls("job.progress")
        return cls(f"job.{change.status}")


class JobEvent(CamelModel):
    """A job after the event."""

    job_id: UUID
    job_type: str
    queue: str
    status: JobStatus
    attempt: int
    generation: int
    progress: Any
    error_message: str | None
    at: datetime

    @classmethod
    def of(cls, change: JobChange) -> Self:
        """The event's data."""
        same = cls.model_fields.keys() - {"job_id", "at"}
        return cls(job_id=change.id, at=change.updated_at, **{name: getattr(change, name) for name in same})


class EventsQuery(CamelModel):
    """Which events to send; a filter that is left out matches all of them. Filters can be repeated."""

    job_type: list[_Name] = Field(default=[], max_length=100)
    queue: list[_Name] = Field(default=[], max_length=100)
    job_id: list[UUID] = Field(default=[], max_length=1_000)
    event: list[EventName] = Field(default=[], description="Only events with this name.")
    last_event_id: str | None = Field(
        default=None, description="Same as the header `Last-Event-ID`, for clients that cannot set headers."
    )

    def matches(self, change: JobChange) -> bool:
        """Whether a change matches the filters."""
        return (
            (not self.job_type or change.job_type in self.job_type)
            and (not self.queue or change.queue in self.queue)
            and (not self.job_id or change.id in self.job_id)
            and (not self.event or EventName.of(change) in self.event)
        )


class EventRoutes:
    """`GET /api/events`."""

    def __init__(self, database: Database, feed: ChangeFeed) -> None:
        self._database = database
        self._feed = feed

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get(
            "/api/events",
            status_code=200,
            response_class=EventStream,
            responses={200: _DESCRIPTION, **problem_responses(422, 503)},
            tags=["jobs"],
        )(self.job_events)

    async def job_events(
        self, query: Annotated[EventsQuery, Query()], last_event_id: Annotated[str | None, Header()] = None
    ) -> EventStream:
        """Stream changes of jobs as server-sent events.

        The record is polled four times a second, so short-lived states may be skipped, but the latest
        state is always sent. The record is authoritative: `GET /api/jobs/{id}` returns everything
        about a job.

        A client that reconnects with the `id` of the last event it saw, in the header `Last-Event-ID`
        or as `lastEventId`, first receives the events it missed. Events may be repeated; `jobId` and
        `at` together identify one. After more than five minutes, or if the server could not read the
        record for that long, the first event is `reset`: read the jobs you need again.
        """
        token = last_event_id or query.last_event_id
        return EventStream(self._messages(query, _position(token) if token else None))

    async def _messages(self, query: EventsQuery, position: Position | None) -> AsyncGenerator[bytes]:
        cursor = _EventCursor(self._database, query, position)
        yield RETRY + await cursor.read_next()
        try:
            # First everything that was missed, then the feed, including what happened until it was joined.
            while cursor.is_behind:
                yield await cursor.read_next()
            with self._feed.subscription() as subscription:
                async for batch in subscription:
                    if batch is None or cursor.is_joined:
                        yield cursor.take_batch(batch) if batch else b""
                        continue
                    cursor.is_joined = cursor.is_behind = True
                    while cursor.is_behind:
                        yield await cursor.read_next()
        except RecordUnavailableError:
            return  # The client reconnects and resumes where it was.


class _EventCursor:
    """A client's filters, and its position in the changes."""

    def __init__(self, database: Database, query: EventsQuery, position: Position | None) -> None:
        self._database = database
        self._query = query
        self._position = position
        self._reader = ChangeReader(position)
        self.is_behind = True
        self.is_joined = False

    async def read_next(self) -> bytes:
        """The next events from the record. Raises RecordUnavailableError."""
        async with self._database.connection() as connection:
            look = await self._reader.next_batch(connection)
        self.is_behind = not look.is_last
        return self._advance(look.changes, look.position, is_gap=look.is_gap)

    def take_batch(self, batch: Batch) -> bytes:
        """The events from a batch of the feed that were not read yet."""
        return self._advance(self._reader.unseen(batch.changes), batch.position, is_gap=batch.is_gap)

    def _advance(self, changes: list[JobChange], position: Position, *, is_gap: bool) -> bytes:
        before, self._position = self._position, position
        if is_gap:
            return message("reset", _RESET, _token(position)) if before else b""
        wanted = [change for change in changes if self._query.matches(change)]
        # A client that received only some of them must resume from before all of them.
        tokens = [_token(before or position)] * (len(wanted) - 1) + [_token(position)]
        return b"".join(_event(change, token) for change, token in zip(wanted, tokens, strict=False))


def _event(change: JobChange, token: str) -> bytes:
    data = JobEvent.of(change).model_dump_json(by_alias=True)
    return message(EventName.of(change), data, token)


def _token(position: Position) -> str:
    """A position as an event id."""
    return f"{(position.at - _EPOCH) // timedelta(microseconds=1)}-{position.transaction}"


def _position(token: str) -> Position:
    """The position in an event id; raises Refused."""
    match = _TOKEN.fullmatch(token)
    if match is None or int(match[2]) >= 2**32:
        problem = FieldProblem(path="lastEventId", message="not an event id of this stream")
        raise Refused(INVALID_REQUEST, f"{problem.path}: {problem.message}", [problem])
    return Position(at=_EPOCH + timedelta(microseconds=int(match[1])), transaction=int(match[2]))
