"""Errors as they are recorded: whole, readable, without secrets, and not too long."""

import sys
import threading

from herdbook.execution.error_report import crash_text, report_error, stack_text
from herdbook.model.registry import Registry


def caught(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as raised:
        return raised


def test_a_report_names_the_users_frames_and_the_cause() -> None:
    def processor() -> None:
        secret = "only in a local variable"  # noqa: F841
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    try:
        processor()
    except ValueError as error:
        report = report_error(error)
    trace = report.stack_trace or ""
    assert (report.type, report.message) == ("ValueError", "outer")
    assert "KeyError: 'inner'" in trace
    assert "in processor" in trace
    assert trace.index("inner") < trace.index("outer")
    assert "only in a local variable" not in trace


def test_our_own_frames_are_left_out() -> None:
    registry = Registry()

    @registry.processor("broken")
    def broken(number: int) -> None:
        raise ValueError(number)

    try:
        registry.get("broken").call(1, None)  # type: ignore[arg-type]
    except ValueError as error:
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
        trace = report_error(error).stack_trace or ""
    assert "in broken" in trace
    assert "registry.py" not in trace


def test_a_report_can_be_stored_whatever_the_message() -> None:
    report = report_error(ValueError("a\0b\ud800" + "x" * 5_000))
    assert "\0" not in report.message
    assert report.message.encode()
    assert len(report.message) < 2_100
    assert report_error(ValueError()).message == "ValueError"


def test_the_message_is_for_a_person() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert report_error(KeyError("name")).message == "there is no 'name'"
    assert "cannot be read" in report_error(Unspeakable()).message


def test_passwords_are_masked_everywhere() -> None:
    error = caught(ValueError("at redis://:s3cr3t@host"), caught(KeyError("amqp://me:s3cr3t@host/x")))
    report = report_error(error)
    assert "s3cr3t" not in report.message + (report.stack_trace or "")
    assert "redis://:***@host" in report.message


def test_of_a_long_trace_the_first_cause_and_the_error_are_kept() -> None:
    error = caught(ValueError("the first cause"))
    for number in range(500):
        error = caught(ValueError(f"step {number}"), error)
    error = caught(RuntimeError("what came of it"), error)
    trace = report_error(error).stack_trace or ""
    assert len(trace) <= 20_010
    assert "the first cause" in trace
    assert trace.rstrip().endswith("RuntimeError: what came of it")


def test_a_hostile_message_costs_no_time_that_grows_with_its_square() -> None:
    assert len(report_error(ValueError("://a:" * 1_000_000)).message) <= 2_010


def test_where_a_thread_is_can_be_told() -> None:
    go, there = threading.Event(), threading.Event()

    def waiting() -> None:
        there.set()
        go.wait()

    thread = threading.Thread(target=waiting)
    thread.start()
    there.wait()
    text = stack_text(sys._current_frames()[thread.ident or 0]) or ""
    go.set()
    thread.join()
    assert "in waiting" in text
    assert "_bootstrap" not in text
    assert stack_text(None) is None


def test_the_stack_of_a_crash_has_no_frames_of_ours() -> None:
    dump = (
        "Fatal Python error: Aborted\n\nStack (most recent call first):\n"
        '  File "/app/work.py", line 7 in crash\n'
        f'  File "{sys.modules["herdbook.model.registry"].__file__}", line 70 in call\n'
        '  File "<string>", line 6 in <module>\n\nExtension modules: x (total: 1)\n'
    )
    assert crash_text(dump) == (
        'Fatal Python error: Aborted\n\nStack (most recent call first):\n  File "/app/work.py", line 7 in crash'
    )
    assert crash_text("") is None
