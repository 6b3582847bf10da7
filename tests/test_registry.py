"""Declaring job types."""

from typing import Any

import pytest
from pydantic import BaseModel, Field

from herdbook import Herdbook, JobContext
from herdbook.errors import ConfigurationError, InvalidJobError, UnknownJobTypeError
from herdbook.registry import Registry


class Thumbnail(BaseModel):
    url: str
    width: int = Field(default=320, gt=0)


def test_a_processor_declares_its_type_queue_and_payload() -> None:
    book = Herdbook()

    @book.processor("thumbnail", queue="images", attempts=5, backoff={"type": "fixed", "delay": "2s"})
    async def thumbnail(payload: Thumbnail, job: JobContext) -> dict[str, Any]:
        """Makes a small picture."""
        return {}

    found = book.get("thumbnail")
    assert (found.queue, found.attempts, found.description) == ("images", 5, "Makes a small picture.")
    assert found.backoff is not None
    assert found.backoff.delay == 2_000
    assert (found.takes_context, found.is_async) == (True, True)
    assert found.validate('{"url": "x"}') == Thumbnail(url="x")
    assert book.queues() == ["images"]


def test_a_type_may_be_declared_without_a_processor() -> None:
    registry = Registry()
    registry.declare("elsewhere", Thumbnail)
    assert registry.get("elsewhere").function is None
    assert registry.queues() == []


def test_wrong_data_are_told_by_field_and_without_their_values() -> None:
    registry = Registry()
    registry.declare("thumbnail", Thumbnail)
    with pytest.raises(InvalidJobError) as caught:
        registry.get("thumbnail").validate('{"width": -1, "url": ["secret"]}')
    assert [problem.path for problem in caught.value.problems] == ["jobData.url", "jobData.width"]
    assert "secret" not in str(caught.value)


def test_an_unknown_type_lists_the_known_ones() -> None:
    registry = Registry()
    registry.declare("a", dict)
    with pytest.raises(UnknownJobTypeError, match="unknown job type 'b'; known: a"):
        registry.get("b")


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "x" * 101, "-a"])
def test_names_that_bullmq_or_redis_refuse_are_refused(name: str) -> None:
    registry = Registry()
    with pytest.raises(ConfigurationError, match="name"):
        registry.declare(name, dict)
    with pytest.raises(ConfigurationError, match="queue name"):
        registry.declare("fine", dict, queue=name or " ")


def test_a_type_is_declared_once() -> None:
    registry = Registry()
    registry.declare("a", dict)
    with pytest.raises(ConfigurationError, match="twice"):
        registry.declare("a", dict)


def test_a_processor_must_take_a_payload() -> None:
    registry = Registry()
    with pytest.raises(ConfigurationError, match="must take a payload"):

        @registry.processor("none")
        def none() -> None: ...


def test_included_types_do_not_replace_our_own() -> None:
    ours, theirs = Registry(), Registry()
    ours.declare("a", dict, queue="ours")
    theirs.declare("a", dict, queue="theirs")
    theirs.declare("b", dict)
    ours.include(theirs)
    assert ours.get("a").queue == "ours"
    assert sorted(job_type.name for job_type in ours) == ["a", "b"]
