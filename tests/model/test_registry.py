"""Declaring job types."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator

from herdbook import Herdbook, JobContext
from herdbook.errors import ConfigurationError, InvalidJobError, UnknownJobTypeError
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable


class Thumbnail(BaseModel):
    url: str
    width: int = Field(default=320, gt=0)


def echo(payload: dict[str, Any]) -> Any:
    return payload


def own_backoff(attempt: int, error: BaseException) -> float:
    return 100 * attempt


def test_a_processor_declares_its_type_queue_and_payload() -> None:
    book = Herdbook()

    @book.processor("thumbnail", queue="images", attempts=5, backoff={"type": "fixed", "delay": "2s"})
    async def thumbnail(payload: Thumbnail, job: JobContext) -> dict[str, Any]:
        """Makes a small picture."""
        return {}

    found = book.registry.get("thumbnail")
    assert (found.queue, found.attempts, found.description) == ("images", 5, "Makes a small picture.")
    assert found.backoff is not None
    assert found.backoff.delay == 2_000
    assert (found.takes_context, found.executor, found.timeout) == (True, "async", None)
    assert found.validate('{"url": "x"}') == Thumbnail(url="x")
    assert book.registry.queues() == ["images"]


def test_a_time_limit_is_seconds_or_a_text() -> None:
    registry = Registry()
    for name, timeout in (("one", 1), ("half", 1.5), ("text", "30s")):
        registry.processor(name, timeout=timeout)(echo)
    assert [registry.get(name).timeout for name in ("one", "half", "text")] == [1, 1.5, 30]
    assert registry.get("one").executor == "thread"


def test_a_backoff_may_be_a_function_and_then_no_job_carries_one() -> None:
    registry = Registry()
    registry.processor("own", backoff=own_backoff)(echo)
    found = registry.get("own")
    assert (found.backoff, found.own_backoff) == (None, own_backoff)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": "soon"}, "give seconds"),
        ({"attempts": 0}, "attempts"),
        ({"backoff": {"type": "linear"}}, "backoff.type"),
    ],
)
def test_invalid_limits_are_named_in_the_error(wrong: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        Registry().processor("x", **wrong)(echo)


def test_a_function_runs_only_where_its_kind_can_run() -> None:
    async def later(payload: dict[str, Any]) -> None: ...

    class Doer:
        async def __call__(self, payload: dict[str, Any]) -> None: ...

    def local(payload: dict[str, Any]) -> None: ...

    main = FunctionType(local.__code__, {"__name__": "__main__"}, "local")
    main.__qualname__, main.__annotations__ = "local", {"payload": dict}

    registry = Registry()
    registry.processor("apart", executor="process")(echo)
    registry.processor("callable")(Doer())
    assert [registry.get(name).executor for name in ("apart", "callable")] == ["process", "async"]
    assert registry.needs_processes("apart")
    assert not registry.needs_processes("callable")
    wrong: list[tuple[Any, Any, str]] = [
        (later, "process", "async def"),
        (later, "thread", "cannot run"),
        (local, "process", "not at the top level of its module"),
        (lambda payload: payload, "process", "not at the top level"),
        (main, "process", "__main__"),
        (Doer(), "process", "async def"),
        (print, "process", "must take a payload"),
        (echo, "async", "cannot run"),
        (echo, "fibre", "use 'async', 'thread' or 'process'"),
    ]
    for function, executor, why in wrong:
        with pytest.raises(ConfigurationError, match=why):
            registry.processor("wrong", executor=executor)(function)


def test_job_data_that_cannot_be_validated_are_not_retried() -> None:
    class Picky(BaseModel):
        @field_validator("*", mode="before", check_fields=False)
        @classmethod
        def fail(cls, value: Any) -> Any:
            raise ZeroDivisionError("oh")

        number: int

    registry = Registry()
    registry.declare("picky", Picky)
    with pytest.raises(Unrecoverable, match="cannot be validated: oh"):
        registry.get("picky").checked('{"number": 1}')
    registry.declare("thumbnail", Thumbnail)
    with pytest.raises(Unrecoverable, match=r"jobData\.url"):
        registry.get("thumbnail").checked("{}")


def test_a_type_may_be_declared_without_a_processor() -> None:
    registry = Registry()
    registry.declare("elsewhere", Thumbnail)
    assert registry.get("elsewhere").function is None
    assert registry.queues() == []


def test_invalid_data_are_reported_by_field_without_their_values() -> None:
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


class Unknown:
    pass


class Later(BaseModel):
    call: Callable[[], int]


@pytest.mark.parametrize("payload", [Unknown, Later, list[Unknown], "NotThere"])
def test_a_payload_without_a_json_schema_is_refused(payload: Any) -> None:
    registry = Registry()
    with pytest.raises(ConfigurationError, match="job type 'a': the payload has no JSON Schema: "):
        registry.declare("a", payload)
    with pytest.raises(UnknownJobTypeError):
        registry.get("a")


def test_a_processor_must_take_a_payload() -> None:
    registry = Registry()
    nothing: Any = lambda: None  # noqa: E731
    with pytest.raises(ConfigurationError, match="must take a payload"):
        registry.processor("none")(nothing)


def test_an_annotation_that_is_not_there_at_run_time_is_told() -> None:
    def late(payload: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match=r"the annotations of the processor of 'late' .* name 'Nowhere'"):
        Registry().processor("late")(late)


def test_included_types_do_not_replace_our_own() -> None:
    ours, theirs = Registry(), Registry()
    ours.declare("a", dict, queue="ours")
    theirs.declare("a", dict, queue="theirs")
    theirs.declare("b", dict)
    ours.include(theirs)
    assert ours.get("a").queue == "ours"
    assert sorted(job_type.name for job_type in ours) == ["a", "b"]
