"""The kinds of alert rules, with their limits and descriptions."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from herdbook.model.duration import in_words, parse_limit

# Statistics per minute are kept for longer than this.
_LONGEST_WINDOW = 86_400
_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$"

# Seconds, or a text such as 10m.
Length = Annotated[float, BeforeValidator(parse_limit), Field(gt=0, le=365 * 86_400)]
Window = Annotated[float, BeforeValidator(parse_limit), Field(ge=60, le=_LONGEST_WINDOW)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_NAME)]


class FileModel(BaseModel):
    """A part of the file; unknown fields are refused, and errors do not repeat values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RuleBase(FileModel):
    """The fields of every rule: a unique `name` (default: the kind), and the targets to notify (default: all)."""

    name: Name
    send_to: tuple[str, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_kind(cls, data: object) -> object:
        return {"name": data.get("kind"), **data} if isinstance(data, dict) else data


class JobFailed(RuleBase):
    """A job of these types (default: any) failed for good; resolved once none has for `over`."""

    kind: Literal["job-failed"]
    job_types: tuple[str, ...] = ()
    over: Window = 600

    @property
    def words(self) -> str:
        """When it fires."""
        return f"{_types(self.job_types)} failed for good within {in_words(self.over)}"


class FailureRate(RuleBase):
    """More than the share `above` of a type's jobs failed for good, of at least `at_least` that ended within `over`."""

    kind: Literal["failure-rate"]
    job_types: tuple[str, ...] = ()
    above: float = Field(ge=0, lt=1)
    over: Window = 600
    at_least: int = Field(default=10, ge=1)

    @property
    def words(self) -> str:
        """When it fires."""
        types = f"type {' or '.join(self.job_types)}" if self.job_types else "a type"
        return (
            f"more than {self.above:.0%} of the jobs of {types} failed for good, "
            f"of at least {self.at_least} that ended within {in_words(self.over)}"
        )


class OldestWaiting(RuleBase):
    """The next job of a queue has been due for longer than `longer_than`."""

    kind: Literal["oldest-waiting"]
    queues: tuple[str, ...] = ()
    longer_than: Length

    @property
    def words(self) -> str:
        """When it fires."""
        limit = in_words(self.longer_than)
        return f"the next job of {_queues(self.queues)} has been waiting for more than {limit}"


class NoWorker(RuleBase):
    """Jobs of a queue that is not paused have been waiting for `longer_than`, but no live worker takes them."""

    kind: Literal["no-worker"]
    queues: tuple[str, ...] = ()
    longer_than: Length = 30

    @property
    def words(self) -> str:
        """When it fires."""
        limit = in_words(self.longer_than)
        return f"jobs of {_queues(self.queues)} have been waiting for {limit}, but no live worker takes them"


class OutboxLagging(RuleBase):
    """A recorded job or action has been waiting for a relay for longer than `longer_than`."""

    kind: Literal["outbox-lag"]
    longer_than: Length = 60

    @property
    def words(self) -> str:
        """When it fires."""
        return f"a recorded job or action has been waiting for a relay for more than {in_words(self.longer_than)}"


class WorkerLost(RuleBase):
    """A worker's heartbeat is missing; resolved once it is back, or after `over`."""

    kind: Literal["worker-lost"]
    over: Length = 3_600

    @property
    def words(self) -> str:
        """When it fires."""
        return f"a worker was lost within {in_words(self.over)}"


class RedisLoss(RuleBase):
    """Redis lost writes, and its jobs are delivered again; resolved after `over`, an hour at most."""

    kind: Literal["redis-loss"]
    over: Annotated[Length, Field(le=3_600)] = 600

    @property
    def words(self) -> str:
        """When it fires."""
        return f"Redis lost writes within {in_words(self.over)}"


Rule = Annotated[
    JobFailed | FailureRate | OldestWaiting | NoWorker | OutboxLagging | WorkerLost | RedisLoss,
    Field(discriminator="kind"),
]


def _types(names: tuple[str, ...]) -> str:
    return f"a job of type {' or '.join(names)}" if names else "a job of any type"


def _queues(names: tuple[str, ...]) -> str:
    return f"queue {' or '.join(names)}" if names else "any queue"
