"""The messages between a worker and the processes of its jobs: a length, and a pickle.

Both ends are ours, and nobody else has the socket.
"""

import pickle
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from herdbook.model.artifacts import Artifact
from herdbook.model.context import Report
from herdbook.model.outcome import ErrorReport

LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """To the process: run this job. `data` is JSON text, `limit` seconds; the other fields are as in JobContext.

    `began` means the same there: a machine has one monotonic clock.
    """

    module: str
    function: str
    id: UUID
    job_type: str
    queue: str
    attempt: int
    reported: Any
    data: str
    limit: float | None
    started_at: datetime
    began: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """To the process: the job that runs now is to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """To the process: the artifact is kept, or why not."""

    artifact: Artifact | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """From the process: the function was found and its time runs from now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """From the process: progress and log lines."""

    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """From the process: an artifact to keep; it waits for `Kept`."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """From the process: the function returned; `result` is JSON text."""

    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Threw:
    """From the process: the function raised; `error` is the pickled exception."""

    error: bytes
    report: ErrorReport


Message = Call | Stop | Kept | Begun | Reported | Keep | Done | Threw


def pack_message(message: Message) -> bytes:
    """The message as it travels."""
    packed = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(packed)) + packed


def unpack_message(packed: bytes) -> Message:
    """The message of `pack_message`, without its length."""
    message: Message = pickle.loads(packed)  # noqa: S301  (see above)
    return message
