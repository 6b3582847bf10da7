"""What a job came to, as a table."""

import pytest

from herdbook.errors import RetryLater, Unrecoverable
from herdbook.job import Backoff
from herdbook.outcome import (
    ErrorReport,
    Failed,
    Interrupted,
    Raised,
    Released,
    Retry,
    Returned,
    Succeeded,
    decide,
    report_error,
)

REPORT = ErrorReport(type="E", message="m")
BACKOFF = Backoff(type="exponential", delay=100)


def raised(error: BaseException) -> Raised:
    return Raised(error=error, report=REPORT)


@pytest.mark.parametrize(
    ("ended", "made", "outcome"),
    [
        (Returned(value={"a": 1}), 1, Succeeded(result='{"a":1}')),
        (Returned(value=None), 1, Succeeded(result="null")),
        (raised(ValueError()), 1, Retry(error=REPORT, after=100)),
        (raised(ValueError()), 2, Retry(error=REPORT, after=200)),
        (raised(ValueError()), 3, Failed(error=REPORT)),
        (raised(ValueError()), 4, Failed(error=REPORT)),
        (raised(Unrecoverable("no")), 1, Failed(error=REPORT)),
        (raised(RetryLater("busy", after=7)), 1, Retry(error=REPORT, after=7)),
        (raised(RetryLater("busy")), 2, Retry(error=REPORT, after=200)),
        (raised(RetryLater("busy", after=7)), 3, Failed(error=REPORT)),
        (Interrupted(), 1, Released()),
        (Interrupted(), 3, Released()),
    ],
)
def test_decide(ended: Returned | Raised | Interrupted, made: int, outcome: object) -> None:
    assert decide(ended, attempts_made=made, max_attempts=3, backoff=BACKOFF, random=0.0) == outcome


def test_without_a_backoff_the_next_try_is_at_once() -> None:
    outcome = decide(raised(ValueError()), attempts_made=1, max_attempts=2, backoff=None, random=0.0)
    assert outcome == Retry(error=REPORT, after=0)


@pytest.mark.parametrize("value", [object(), {"at": {1, 2}}, "\ud800", "a\0b", ["deep", {"k\0": 1}]])
def test_a_result_that_cannot_be_recorded_fails_and_is_not_tried_again(value: object) -> None:
    outcome = decide(Returned(value=value), attempts_made=1, max_attempts=3, backoff=None, random=0.0)
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "UnrecordableResult"


def test_an_error_report_names_the_users_frames_and_the_cause() -> None:
    def processor() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    try:
        processor()
    except ValueError as error:
        report = report_error(error, skip="another file")
    assert (report.type, report.message) == ("ValueError", "outer")
    assert "KeyError: 'inner'" in (report.stack_trace or "")
    assert "in processor" in (report.stack_trace or "")


def test_an_error_report_can_be_stored_whatever_the_message() -> None:
    report = report_error(ValueError("a\0b\ud800" + "x" * 5_000), skip="")
    assert "\0" not in report.message
    assert report.message.encode()
    assert len(report.message) < 2_100
    assert report_error(ValueError(), skip="").message == "ValueError"
