"""The outcome of an attempt, as a table."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from herdbook.model import signals
from herdbook.model.options import Backoff
from herdbook.model.outcome import (
    Cancelled,
    Ended,
    ErrorReport,
    Failed,
    Interrupted,
    Raised,
    Released,
    Returned,
    Snoozed,
    Succeeded,
    WillRetry,
    decide,
    decide_returned,
)

REPORT = ErrorReport(type="E", message="m")
BACKOFF = Backoff(type="exponential", delay=100)


@dataclass
class Point:
    x: float
    y: float | None


class Level(Enum):
    UNKNOWN = float("nan")


def raised(error: BaseException) -> Raised:
    return Raised(error=error, report=REPORT)


@pytest.mark.parametrize(
    ("ended", "made", "outcome"),
    [
        (Returned(value={"a": 1}), 1, Succeeded(result='{"a":1}')),
        (Returned(value=None), 1, Succeeded(result="null")),
        (raised(ValueError()), 1, WillRetry(error=REPORT, after=100)),
        (raised(ValueError()), 2, WillRetry(error=REPORT, after=200)),
        (raised(ValueError()), 3, Failed(error=REPORT)),
        (raised(ValueError()), 4, Failed(error=REPORT)),
        (raised(signals.Unrecoverable("no")), 1, Failed(error=REPORT)),
        (raised(signals.UnrecordableResult("no")), 1, Failed(error=REPORT)),
        (raised(signals.Retry("busy", after=7)), 1, WillRetry(error=REPORT, after=7)),
        (raised(signals.Retry(after="2s")), 1, WillRetry(error=REPORT, after=2_000)),
        (raised(signals.Retry("busy")), 2, WillRetry(error=REPORT, after=200)),
        (raised(signals.Retry("busy", after=7)), 3, Failed(error=REPORT)),
        (raised(signals.Snooze(7)), 1, Snoozed(after=7)),
        (raised(signals.Snooze("1m")), 3, Snoozed(after=60_000)),
        (raised(signals.Cancel("no need")), 1, Cancelled(error=REPORT)),
        (raised(signals.Cancel("no need")), 3, Cancelled(error=REPORT)),
        (raised(signals.TimedOut()), 1, WillRetry(error=REPORT, after=100)),
        (raised(signals.TimedOut()), 3, Failed(error=REPORT)),
        (raised(signals.ProcessDied()), 1, WillRetry(error=REPORT, after=100)),
        (Interrupted(), 1, Released()),
        (Interrupted(), 3, Released()),
    ],
)
def test_decide(ended: Ended, made: int, outcome: object) -> None:
    assert (
        decide(ended, attempts_made=made, max_attempts=3, backoff=BACKOFF, random=0.0, max_result_bytes=1_000)
        == outcome
    )


def test_without_a_backoff_the_job_is_retried_at_once() -> None:
    outcome = decide(
        raised(ValueError()), attempts_made=1, max_attempts=2, backoff=None, random=0.0, max_result_bytes=1_000
    )
    assert outcome == WillRetry(error=REPORT, after=0)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (float("nan"), "result"),
        ({"prices": [1.5, None, float("inf")]}, "result.prices.2"),
        ([{"a": None}, (1, -float("inf"))], "result.1.1"),
        ({float("nan"): 1}, "result.nan"),
        (Point(x=1.0, y=float("nan")), "result.y"),
        ([Level.UNKNOWN], "result.0.value"),
    ],
)
def test_a_result_with_a_number_that_json_lacks_fails_and_says_where(value: object, where: str) -> None:
    outcome = decide_returned(value, 1_000)
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "UnrecordableResult"
    assert outcome.error.message == f"the processor's result is not JSON: {where} is NaN or infinite"


@pytest.mark.parametrize("value", [None, [None], {"null": 1.5, "b": [None, True, "null"]}, Point(x=0.0, y=None)])
def test_a_result_with_nulls_is_kept(value: object) -> None:
    assert isinstance(decide_returned(value, 1_000), Succeeded)


def test_a_result_over_the_limit_fails_and_says_what_to_do() -> None:
    assert isinstance(decide_returned("x" * 998, 1_000), Succeeded)
    outcome = decide_returned("x" * 999, 1_000)
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "UnrecordableResult"
    assert "1,001 bytes of JSON; at most 1,000 are recorded" in outcome.error.message
    assert "HERDBOOK_MAX_RESULT_BYTES" in outcome.error.message


@pytest.mark.parametrize("value", [object(), {"at": {1, 2}}, "\ud800", "a\0b", ["deep", {"k\0": 1}]])
def test_a_result_that_cannot_be_recorded_fails_without_a_retry(value: object) -> None:
    outcome = decide(
        Returned(value=value), attempts_made=1, max_attempts=3, backoff=None, random=0.0, max_result_bytes=1_000
    )
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "UnrecordableResult"


def test_a_backoff_function_gets_the_attempt_and_its_error() -> None:
    calls: list[tuple[int, BaseException]] = []

    def backoff(attempt: int, error: BaseException) -> float:
        calls.append((attempt, error))
        return 12.5

    error = ValueError()
    outcome = decide(
        raised(error), attempts_made=2, max_attempts=3, backoff=backoff, random=0.0, max_result_bytes=1_000
    )
    assert outcome == WillRetry(error=REPORT, after=13)
    assert calls == [(2, error)]
    assert decide(
        raised(error), attempts_made=3, max_attempts=3, backoff=backoff, random=0.0, max_result_bytes=1_000
    ) == Failed(error=REPORT)
    own = decide(
        raised(signals.Retry(after=5)),
        attempts_made=1,
        max_attempts=3,
        backoff=backoff,
        random=0.0,
        max_result_bytes=1_000,
    )
    assert own == WillRetry(error=REPORT, after=5)
    assert len(calls) == 1


@pytest.mark.parametrize("answer", [-1, float("nan"), None, "soon", True])
def test_a_failing_backoff_function_is_reported_and_replaced(answer: Any) -> None:
    outcome = decide(
        raised(ValueError()),
        attempts_made=2,
        max_attempts=3,
        backoff=lambda _attempt, _error: answer,
        random=0.0,
        max_result_bytes=1_000,
    )
    assert isinstance(outcome, WillRetry)
    assert outcome.after == 2_000
    assert outcome.error.message.startswith("m (its backoff function failed: ValueError: not a duration")


@pytest.mark.parametrize("delay", [-1, "soon", None])
def test_a_snooze_needs_a_duration(delay: Any) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        signals.Snooze(delay)
