"""Deliveries and acknowledgements in BullMQ's wire format."""

from typing import Any

import msgpack
import pytest

from herdbook.model.options import Backoff
from herdbook.queue.delivery import Acknowledgement, Delivery, Retention, parse_delivery, split_acknowledgements
from tests.queue.acks import ack_completed, ack_failed

RETENTION = Retention(completed=100, failed=200, seconds=60)


def delivery(options: str = "{}") -> Delivery:
    return parse_delivery("q", ["t", "1", options, "2", "1", None, None, None, None, "id"], "token")


def packed_acks(acks: list[Acknowledgement]) -> tuple[list[str], list[list[Any]]]:
    return split_acknowledgements(acks, RETENTION, worker="w", lock_duration=30_000)


@pytest.mark.parametrize(
    ("options", "attempts", "backoff"),
    [
        ("{}", 1, None),
        ('{"attempts": 4, "backoff": 250}', 4, Backoff(type="fixed", delay=250)),
        ('{"backoff": {"type": "exponential", "delay": 5}}', 1, Backoff(type="exponential", delay=5)),
        ('{"backoff": {"type": "fixed", "delay": 5, "jitter": 0.5}}', 1, Backoff(type="fixed", delay=5, jitter=0.5)),
        ('{"attempts": null, "backoff": {"type": "my own strategy"}}', 1, None),
        ('{"attempts": "many", "backoff": {"type": "fixed", "delay": -1}}', 1, None),
    ],
)
def test_options_are_read_as_bullmq_reads_them(options: str, attempts: int, backoff: Backoff | None) -> None:
    found = delivery(options)
    assert (found.max_attempts, found.backoff) == (attempts, backoff)


@pytest.mark.parametrize(
    ("options", "keep"),
    [
        ("{}", {"count": 100, "age": 60}),
        ('{"removeOnComplete": true}', {"count": 0}),
        ('{"removeOnComplete": false}', {"count": -1}),
        ('{"removeOnComplete": 7}', {"count": 7}),
        ('{"removeOnComplete": {"age": 5, "count": 2, "limit": 10}}', {"age": 5, "count": 2, "limit": 10}),
    ],
)
def test_a_publishers_retention_options_override_the_settings(options: str, keep: dict[str, int]) -> None:
    _, (packed,) = packed_acks([ack_completed(delivery(options), result="null")])
    assert msgpack.unpackb(packed[5])["keepJobs"] == keep


def test_a_failure_carries_its_reason_and_trace() -> None:
    _, (packed,) = packed_acks([ack_failed(delivery(), reason="r", stack_trace="s")])
    assert packed[:5] == ["finish", "id", "failed", "failedReason", "r"]
    assert msgpack.unpackb(packed[5])["keepJobs"] == {"count": 200, "age": 60}
    assert msgpack.unpackb(packed[6]) == ["failedReason", "r", "stacktrace", '["s"]']


def test_the_last_job_of_each_kind_removes_old_ones_and_plain_completions_are_grouped() -> None:
    done, failed = ack_completed(delivery(), result="1"), ack_failed(delivery(), reason="r")
    special = ack_completed(delivery('{"removeOnComplete": 7}'), result="1")
    plain, packed = packed_acks([done, failed, special, done, failed, done])
    assert plain == ["id", "1", "token"] * 2
    kept = [msgpack.unpackb(one[5])["keepJobs"] for one in packed]
    assert kept == [{"count": -1}, {"count": 7}, {"count": 200, "age": 60}, {"count": 100, "age": 60}]


def test_a_count_of_attempts_beyond_any_column_leaves_room_for_this_attempt() -> None:
    found = parse_delivery("q", ["t", "1", "{}", "9" * 20, "9" * 20, None, None, None, None, "id"], "token")
    assert (found.attempt, found.attempts_made + 1) == (2**31 - 1, 2**31 - 1)
