"""Takes facts about the servers, the outbox, the workers.

Gives what to think of each, and what to do about it.
Never asks a server anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from herdbook.model.masking import mask_passwords
from herdbook.queue.reads import QueueCounts, ServerFacts
from herdbook.record.reads import OutboxLag
from herdbook.record.workers import WorkerRow

Level = Literal["ok", "warning", "problem"]

# Seconds by which a server's clock may differ from ours.
_CLOCK = 1.0
_OLDEST_REDIS = (6, 2)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing; `advice` says what to do."""

    level: Level
    subject: str
    message: str
    advice: str = ""


def problem(subject: str, error: Exception, advice: str) -> Finding:
    """An error as a finding."""
    message = " ".join(str(error).split()).removeprefix(f"{subject} is ")
    return Finding("problem", subject, mask_passwords(message), advice)


def judge_clock(subject: str, seconds: float) -> Finding:
    """What to think of a server's clock that is `seconds` ahead of ours."""
    if abs(seconds) < _CLOCK:
        return Finding("ok", f"{subject} clock", "agrees with this machine's")
    way = "ahead of" if seconds > 0 else "behind"
    return Finding(
        "warning",
        f"{subject} clock",
        f"{abs(seconds):,.1f} seconds {way} this machine's",
        "Delayed jobs run that much too early or too late: keep the clocks together, with NTP say.",
    )


def judge_redis(facts: ServerFacts) -> list[Finding]:
    """What to think of a Redis server's version and settings."""
    version = tuple(int(part) for part in facts.version.split(".")[:2] if part.isdecimal())
    findings = [Finding("ok", "Redis", f"version {facts.version} answers")]
    if version < _OLDEST_REDIS:
        advice = "Herdbook needs Redis 6.2 or newer, or Valkey."
        findings = [Finding("problem", "Redis", f"version {facts.version} is too old", advice)]
    if facts.noeviction is False:
        advice = "Set maxmemory-policy to noeviction."
        findings.append(Finding("problem", "Redis memory", "the server may evict the queues' keys", advice))
    if facts.aof is False:
        advice = "Set appendonly to yes. (Accepted jobs are safe in PostgreSQL either way.)"
        findings.append(Finding("warning", "Redis disk", "a restart may forget the queues' newest jobs", advice))
    return findings


def judge_outbox(lag: OutboxLag, limit: float) -> Finding:
    """What to think of jobs that wait for the relay; `limit` in seconds."""
    if not lag.depth:
        return Finding("ok", "relay", "every job is delivered to its queue")
    message = f"{lag.depth:,} jobs wait to be delivered, the oldest for {lag.age:,.0f} seconds"
    if lag.error_message:
        advice = "The queue refused a job: see the relay's log."
        return Finding("problem", "relay", f"{message}; the queue said: {lag.error_message}", advice)
    if lag.age > limit:
        return Finding("problem", "relay", message, "Start `herdbook relay`, or look at its log.")
    return Finding("ok", "relay", message)


def judge_queue(counts: QueueCounts, workers: Sequence[WorkerRow]) -> Finding:
    """What to think of a queue and of who works on it."""
    subject = f"queue {counts.name}"
    waiting = counts.counts["waiting"] + counts.counts["prioritized"]
    alive = [one for one in workers if counts.name in one.queues and not one.is_silent]
    jobs = f"waiting: {waiting:,}"
    if counts.paused:
        return Finding("warning", subject, f"{jobs}, and it is paused", "Resume it when its jobs shall run.")
    if any(one.state == "running" for one in alive):
        return Finding("ok", subject, f"{jobs}, workers: {len(alive)}")
    # Workers in other languages leave no sign of life, but their jobs become active.
    if counts.counts["active"]:
        return Finding("ok", subject, f"{jobs}, running: {counts.counts['active']:,}, on workers that are not ours")
    advice = f"Start `herdbook worker --queue {counts.name}` with the app that declares it."
    return Finding("problem" if waiting else "warning", subject, f"{jobs}, and no worker is alive", advice)


def judge_silent(workers: Sequence[WorkerRow]) -> list[Finding]:
    """The workers that vanished without a word."""
    return [
        Finding(
            "warning",
            f"worker {one.id}",
            f"silent for {one.seconds_silent:,.0f} seconds, with {one.running} jobs",
            "Others take its jobs over. If it should still run, look at its machine.",
        )
        for one in workers
        if one.is_silent
    ]


def judge_missing(missing: Mapping[str, str]) -> list[Finding]:
    """Job types that could be here, with what to install to have them."""
    message = "is not installed here, so its jobs are neither published nor run"
    return [
        Finding("warning", f"job type {name}", message, f"{remedy[0].upper()}{remedy[1:]}.")
        for name, remedy in missing.items()
    ]
