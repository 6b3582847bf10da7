"""How a job is delivered and retried: its options and their units."""

from typing import Annotated, Literal

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
# A time limit. At least a millisecond: it is recorded in those.
Seconds = Annotated[float, BeforeValidator(parse_limit), Field(ge=0.001, le=LONGEST_MS / 1_000)]


def _without_account(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("a URL with a user name or a password is not called")
    return url


# Where something is posted to.
WebAddress = Annotated[HttpUrl, AfterValidator(_without_account)]


class CamelModel(BaseModel):
    """A frozen model whose JSON is camelCase and which refuses unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class Backoff(CamelModel):
    """How long to wait before the next try, in milliseconds; `jitter` 0..1 is the random share of it."""

    type: Literal["fixed", "exponential"] = "exponential"
    delay: Milliseconds = 1_000
    jitter: float = Field(default=0.0, ge=0.0, le=1.0)

    def wait(self, attempts_made: int, random: float) -> int:
        """Milliseconds to wait after `attempts_made` tries (from 1); `random` is 0..1. The rule is BullMQ's own."""
        full = self.delay if self.type == "fixed" else self.delay * 2 ** min(attempts_made - 1, 40)
        return int(full * (1 - self.jitter) + full * self.jitter * random)


class JobOptions(CamelModel):
    """How a job is delivered and retried; what is left out comes from its job type.

    Durations may be texts with a unit. As numbers, waits (`delay`, in `backoff` too) are milliseconds,
    as in BullMQ; a time limit (`timeout`) is seconds, as everywhere in Python.
    """

    delay: Milliseconds | None = Field(
        default=None, description="Wait before the first try: milliseconds or a text such as 10m."
    )
    run_at: AwareDatetime | None = Field(default=None, description="Do not run before this time (instead of delay).")
    priority: int | None = Field(default=None, ge=0, le=MAX_PRIORITY, description="1 goes first; 0 is none.")
    attempts: int | None = Field(default=None, ge=1, le=1_000, description="How often the job may be tried.")
    backoff: Backoff | None = Field(default=None, description="The wait between two tries.")
    timeout: Seconds | None = Field(
        default=None, description="How long one try may take: seconds or a text such as 30s or 500ms."
    )
    callback_url: WebAddress | None = Field(
        default=None, description="Where to POST what became of the job, once it is completed, failed or cancelled."
    )
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=255)

    @model_validator(mode="after")
    def _one_start_time(self) -> "JobOptions":
        if self.delay is not None and self.run_at is not None:
            raise ValueError("give delay or runAt, not both")
        return self
