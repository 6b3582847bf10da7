"""Log lines of a job's function name the job, wherever the function runs."""

import io
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest
import structlog

from herdbook.model.context import running_job
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.observe.log import set_up_logging
from herdbook.publishing.publish import JobRequest
from herdbook.settings import Settings
from herdbook.testing import running_system

from .talkative import speak

pytestmark = pytest.mark.usefixtures("own_logging")


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    set_up_logging(Settings(), "worker", stream)
    return stream


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A job type for each kind of function; each logs the word that it is given."""
    registry = Registry()

    @registry.processor("coroutine", queue="words")
    async def coroutine(payload: dict[str, str]) -> str:
        return speak(payload)

    registry.processor("thread", queue="words")(speak)
    registry.processor("process", queue="apart", executor="process")(speak)
    yield registry
    assert running_job.get(None) is None


def lines_of(text: str, word: str) -> list[dict[str, Any]]:
    lines = [orjson.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if word in line["event"] or line.get("word") == word]


def assert_named(lines: list[dict[str, Any]], id: UUID, job_type: str, queue: str) -> None:
    assert [line["event"].partition(":")[0] for line in lines] == ["from a library", "from the function"]
    for line in lines:
        assert (line["job"], line["job_type"], line["queue"], line["attempt"]) == (str(id), job_type, queue, 1)


async def test_each_line_has_its_job(
    settings: Settings, registry: Registry, stream: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_system(settings, registry) as system:
        requests = [JobRequest(job_type=one.name, job_data={"word": f"<{one.name}>"}) for one in registry]
        ids = [one.id for one in await system.publisher.publish_bulk(requests)]
        for id in ids:
            assert (await system.finished(id)).status is JobStatus.COMPLETED
    names = [one.name for one in registry]
    jobs = dict(zip(names, ids, strict=True))
    for name in ("coroutine", "thread"):
        assert_named(lines_of(stream.getvalue(), f"<{name}>"), jobs[name], name, "words")
    # A job's process writes to stderr itself.
    lines = lines_of(capfd.readouterr().err, "<process>")
    assert_named(lines, jobs["process"], "process", "apart")
    assert {line["role"] for line in lines} == {"job"}


def test_lines_outside_of_jobs_name_no_job_and_fields_of_a_line_are_kept(stream: io.StringIO) -> None:
    structlog.get_logger("herdbook").info("worker started")
    logging.getLogger("app").warning("hello", extra={"queue": "mine"})
    started, hello = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert "job" not in started
    assert hello["queue"] == "mine"
