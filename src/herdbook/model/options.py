"""The options of a job: when and how it is delivered and retried."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict, Unpack

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    model_validator,
)
from pydantic.alias_generators import to_camel

from herdbook.model.duration import LONGEST_MS, parse_duration, parse_limit

# The highest priority number BullMQ accepts (2^21); 0 is none, 1 goes first.
MAX_PRIORITY = 2_097_152
Milliseconds = Annotated[int, BeforeValidator(parse_duration), Field(ge=0, le=LONGEST_MS)]
# A time limit; at least a millisecond, because it is recorded in milliseconds.
Seconds = Annotated[float, BeforeValidator(parse_limit), Field(ge=0.001, le=LONGEST_MS / 1_000)]


def _without_account(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("the URL must not contain a user name or password")
    return url


# The target of a callback or webhook.
WebAddress = Annotated[HttpUrl, AfterValidator(_without_account)]


class CamelModel(BaseModel):
    """A frozen model with camelCase JSON that refuses unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class BackoffOptions(TypedDict, total=False):
    """The fields of a `Backoff`, as they may be given."""

    type: Literal["fixed", "exponential"]
    delay: int | str
    jitter: float


class Backoff(CamelModel):
    """The wait before the next attempt, in milliseconds; `jitter` (0..1) is the share of it that is random."""

    type: Literal["fixed", "exponential"] = "exponential"
    delay: Milliseconds = 1_000
    jitter: float = Field(default=0.0, ge=0.0, le=1.0)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[BackoffOptions]) -> None: ...

    def wait(self, attempts_made: int, random: float) -> int:
        """Milliseconds to wait after `attempts_made` attempts (from 1), as BullMQ computes it; `random` is 0..1."""
        full = self.delay if self.type == "fixed" else self.delay * 2 ** min(attempts_made - 1, 40)
        return int(full * (1 - self.jitter) + full * self.jitter * random)


class PublishOptions(TypedDict, total=False):
    """The fields of `JobOptions`, as `publish` takes them by name."""

    delay: int | str | None
    run_at: datetime | None
    priority: int | None
    attempts: int | None
    backoff: Backoff | BackoffOptions | None
    timeout: float | str | None
    callback_url: HttpUrl | str | None
    idempotency_key: str | None


class JobOptions(CamelModel):
    """When and how a job is delivered and retried; options left out default to those of its job type.

    Durations may be texts with a unit. Bare numbers are milliseconds for waits (`delay`, also in `backoff`),
    as in BullMQ, and seconds for the time limit (`timeout`), as everywhere in Python.
    """

    delay: Milliseconds | None = Field(
        default=None, description="Wait before the first attempt: milliseconds or a text such as 10m."
    )
    run_at: AwareDatetime | None = Field(default=None, description="Earliest start time (instead of delay).")
    priority: int | None = Field(
        default=None, ge=0, le=MAX_PRIORITY, description="1 runs first; 0, the default, is no priority."
    )
    attempts: int | None = Field(default=None, ge=1, le=1_000, description="Maximum number of attempts.")
    backoff: Backoff | None = Field(default=None, description="The wait between attempts.")
    timeout: Seconds | None = Field(
        default=None, description="Time limit of one attempt: seconds or a text such as 30s or 500ms."
    )
    callback_url: WebAddress | None = Field(
        default=None, description="URL that receives a POST once the job is completed, failed or cancelled."
    )
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=255)

    if TYPE_CHECKING:

        def __init__(self, **fields: Unpack[PublishOptions]) -> None: ...

    @model_validator(mode="after")
    def _one_start_time(self) -> "JobOptions":
        if self.delay is not None and self.run_at is not None:
            raise ValueError("give delay or runAt, not both")
        return self
