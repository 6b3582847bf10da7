"""Takes a rule as the operator wrote it.

Gives its kind, its limits with their defaults, and the same in words.
Never knows whether it fires.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from herdbook.model.duration import parse_limit

# Figures are kept per minute for longer than this.
_LONGEST_WINDOW = 86_400
_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$"

# Seconds, or a text such as 10m.
Length = Annotated[float, BeforeValidator(parse_limit), Field(gt=0, le=365 * 86_400)]
Window = Annotated[float, BeforeValidator(parse_limit), Field(ge=60, le=_LONGEST_WINDOW)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_NAME)]


class FileModel(BaseModel):
    """A part of the file; unknown fields are refused, and refused values are not repeated."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RuleBase(FileModel):
    """What all rules have: a `name` of their own (the kind, unless given), and the targets that hear of them."""

    name: Name
    send_to: tuple[str, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_kind(cls, data: object) -> object:
        return {"name": data.get("kind"), **data} if isinstance(data, dict) else data


class JobFailed(RuleBase):
    """A job of these types (of any, unless given) failed for good; well again when none did for `over`."""

    kind: Literal["job-failed"]
    job_types: tuple[str, ...] = ()
    over: Window = 600

    @property
    def words(self) -> str:
        """When it fires."""
        return f"{_types(self.job_types)} failed for good within {in_words(self.over)}"


class FailureRate(RuleBase):
    """Of the jobs of a type that ended within `over`, if at least `at_least` did, a share `above` failed for good."""

    kind: Literal["failure-rate"]
    job_types: tuple[str, ...] = ()
    above: float = Field(ge=0, lt=1)
    over: Window = 600
    at_least: int = Field(default=10, ge=1)

    @property
    def words(self) -> str:
        """When it fires."""
        return (
            f"of the jobs of {' or '.join(self.job_types) or 'a type'} that ended within {in_words(self.over)} "
            f"more than {self.above:.0%} failed for good, of at least {self.at_least}"
        )


class OldestWaiting(RuleBase):
    """The next job of a queue could have run for longer than `longer_than`."""

    kind: Literal["oldest-waiting"]
    queues: tuple[str, ...] = ()
    longer_than: Length

    @property
    def words(self) -> str:
        """When it fires."""
        return f"the next job of {_queues(self.queues)} waits for longer than {in_words(self.longer_than)}"


class NoWorker(RuleBase):
    """Jobs of a queue that is not paused wait for `longer_than`, and no live worker takes them."""

    kind: Literal["no-worker"]
    queues: tuple[str, ...] = ()
    longer_than: Length = 30

    @property
    def words(self) -> str:
        """When it fires."""
        return f"jobs of {_queues(self.queues)} wait for {in_words(self.longer_than)}, and no live worker takes them"


class OutboxLagging(RuleBase):
    """A recorded job or action waits for the relay for longer than `longer_than`."""

    kind: Literal["outbox-lag"]
    longer_than: Length = 60

    @property
    def words(self) -> str:
        """When it fires."""
        return f"something recorded waits for the relay for longer than {in_words(self.longer_than)}"


class WorkerLost(RuleBase):
    """A worker was not heard of; well again when it is heard of, or forgotten after `over`."""

    kind: Literal["worker-lost"]
    over: Length = 3_600

    @property
    def words(self) -> str:
        """When it fires."""
        return f"a worker was lost within {in_words(self.over)}"


Rule = Annotated[
    JobFailed | FailureRate | OldestWaiting | NoWorker | OutboxLagging | WorkerLost, Field(discriminator="kind")
]


def in_words(seconds: float) -> str:
    """A length of time, such as `10 min` or `1 min 30 s`."""
    whole = timedelta(seconds=seconds)
    hours, rest = divmod(int(whole.total_seconds()), 3_600)
    minutes, left = divmod(rest, 60)
    parts = [f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if count]
    return " ".join(parts) or f"{seconds:g} s"


def _types(names: tuple[str, ...]) -> str:
    return f"a job of type {' or '.join(names)}" if names else "a job of any type"


def _queues(names: tuple[str, ...]) -> str:
    return f"queue {' or '.join(names)}" if names else "any queue"
