"""Backoff, options, ids and states of jobs."""

from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from herdbook.model.ids import external_job_id, new_job_id, parse_queue_job_id, queue_job_id
from herdbook.model.job import ALLOWED_MOVES, JobStatus
from herdbook.model.options import Backoff, JobOptions
from herdbook.model.storable import holds_nul


def test_a_fixed_backoff_is_constant_and_an_exponential_one_doubles() -> None:
    fixed = Backoff(type="fixed", delay=100)
    exponential = Backoff(type="exponential", delay=100)
    assert [fixed.wait(made, 0.5) for made in (1, 2, 3)] == [100, 100, 100]
    assert [exponential.wait(made, 0.5) for made in (1, 2, 3)] == [100, 200, 400]


def test_jitter_takes_at_most_its_share_of_the_wait() -> None:
    backoff = Backoff(type="fixed", delay=1_000, jitter=0.5)
    assert [backoff.wait(1, random) for random in (0.0, 0.5, 1.0)] == [500, 750, 1_000]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"delay": -1}, "delay"),
        ({"delay": "soon"}, "delay"),
        ({"delay": 10**15}, "delay"),
        ({"priority": 2_097_153}, "priority"),
        ({"attempts": 0}, "attempts"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "never"}, "timeout"),
        ({"backoff": {"type": "linear", "delay": 1}}, "backoff"),
        ({"backoff": {"delay": 1, "jitter": 2}}, "backoff"),
        ({"runAt": "2030-01-01T00:00:00"}, "runAt"),
        ({"idempotencyKey": ""}, "idempotencyKey"),
        ({"prioritty": 1}, "prioritty"),
    ],
)
def test_an_invalid_option_is_named_in_the_error(options: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        JobOptions.model_validate(options)
    assert caught.value.errors()[0]["loc"][0] == field


def test_a_time_limit_is_seconds_or_a_text() -> None:
    assert JobOptions.model_validate({"timeout": "500ms"}).timeout == 0.5
    options = JobOptions(timeout=90)
    assert JobOptions.model_validate(options.model_dump()) == options


def test_delay_and_run_at_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="not both"):
        JobOptions.model_validate({"delay": 1, "runAt": "2030-01-01T00:00:00Z"})


def test_queue_job_ids_carry_the_generation() -> None:
    id = uuid4()
    assert parse_queue_job_id(queue_job_id(id, 0)) == (id, 0)
    assert parse_queue_job_id(queue_job_id(id, 3)) == (id, 3)
    assert queue_job_id(id, 3) == f"{id}~3"


@pytest.mark.parametrize(
    "job_id",
    [
        "17",
        "repeat:x:1",
        "",
        "~1",
        "01999999-9999-7999-8999-999999999999~x",
        "01999999-9999-7999-8999-999999999999x",
        "01999999999979998999999999999999",
    ],
)
def test_ids_of_other_clients_are_not_ours(job_id: str) -> None:
    assert parse_queue_job_id(job_id) is None


def test_new_ids_are_ordered_by_time() -> None:
    ids = [new_job_id() for _ in range(1_000)]
    assert ids == sorted(ids)
    assert {id.version for id in ids} == {7}


def test_an_external_job_has_one_stable_id_that_carries_its_time() -> None:
    first = external_job_id("mail", "1", 1_700_000_000_000)
    assert first == external_job_id("mail", "1", 1_700_000_000_000)
    assert first != external_job_id("mail", "2", 1_700_000_000_000)
    assert first != external_job_id("mail", "1", 1_700_000_000_001)
    assert first != external_job_id("post", "1", 1_700_000_000_000)
    assert (first.version, first.variant) == (7, UUID(int=0x8 << 60).variant)
    assert first.int >> 80 == 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "holds"),
    [(r'"\u0000"', True), (r'"\\u0000"', False), (r'"\\\u0000"', True), ('"u0000"', False), (r'{"a\u0000b": 1}', True)],
)
def test_a_nul_is_found_in_json_text(text: str, holds: bool) -> None:
    assert holds_nul(text) is holds


def test_only_an_operator_can_move_a_job_out_of_a_final_status() -> None:
    assert {status for status in JobStatus if status.is_final} == {
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.CANCELLED,
    }
    assert ALLOWED_MOVES[JobStatus.COMPLETED] == frozenset()
    assert JobStatus.PROCESSING not in ALLOWED_MOVES[JobStatus.PROCESSING]
