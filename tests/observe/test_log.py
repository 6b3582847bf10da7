"""All log lines on stderr have one format, whoever wrote them."""

import io
import logging
import warnings
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import structlog

from herdbook.observe.log import set_up_logging
from herdbook.settings import Settings

pytestmark = pytest.mark.usefixtures("own_logging")
Lines = Callable[[], list[dict[str, Any]]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines() -> Lines:
    stream = io.StringIO()
    set_up_logging(Settings(), "worker", stream)
    return lambda: [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_our_events_are_json_lines_outside_a_terminal(lines: Lines) -> None:
    structlog.get_logger("herdbook").info("worker started", queues=["email"])
    (line,) = lines()
    assert line["event"] == "worker started"
    assert line["queues"] == ["email"]
    assert (line["role"], line["level"], line["logger"]) == ("worker", "info", "herdbook")
    assert line["timestamp"].endswith("Z")


def test_lines_of_libraries_and_applications_have_the_same_format(lines: Lines) -> None:
    logging.getLogger("my.app").info("hello %s", "Io", extra={"customer": 7})
    logging.getLogger("uvicorn.error").info("of no use")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("look out", stacklevel=1)
    greeting, warned = lines()
    assert (greeting["event"], greeting["customer"], greeting["logger"]) == ("hello Io", 7, "my.app")
    assert "look out" in warned["event"]


def test_no_password_reaches_the_log_even_in_a_trace(lines: Lines) -> None:
    url = "redis://:secret@h"
    log = structlog.get_logger("herdbook")
    log.warning("unreachable", url=url)
    try:
        raise ConnectionError(f"cannot reach {url}")
    except ConnectionError as error:
        log.error("failed", exc_info=error)
    unreachable, failed = lines()
    assert unreachable["url"] == "redis://:***@h"
    assert "ConnectionError: cannot reach redis://:***@h" in failed["exception"]
    assert failed["exception"].count("secret") == 0


def test_values_that_are_not_json_are_logged_too(lines: Lines) -> None:
    structlog.get_logger("herdbook").info("odd", value={1: object})
    (line,) = lines()
    assert line["value"] == {"1": "<class 'object'>"}


def test_a_terminal_gets_console_lines() -> None:
    stream = Terminal()
    set_up_logging(Settings(), "worker", stream)
    structlog.get_logger("herdbook").info("worker started", url="redis://:secret@h")
    assert "worker started" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()
    assert "secret" not in stream.getvalue()


def test_the_settings_choose_format_and_level() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_format="console", log_level="warning"), "worker", stream)
    structlog.get_logger("herdbook").info("too little")
    structlog.get_logger("herdbook").warning("enough")
    assert "enough" in stream.getvalue()
    assert "too little" not in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()
