"""The one checker: what the evidence says against Herdbook's promises. It knows no scenario and makes no exceptions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from .evidence import DIED, FINAL, STOPPED, AttemptRow, Evidence, Fault, JobRow
from .executions import Execution
from .ledger import Accepted

# Attempts that count towards those a job has.
_COUNTED = ("completed", "retry", "failed", "cancelled")
# Seconds by which two clocks of one machine may differ: PostgreSQL's time is that of the transaction's begin, and a
# function begins after its claim was read.
_TOLERANCE = 0.25
# Processors and BullMQ round to milliseconds.
_ROUNDING = 0.005
# Seconds from a job's being fetched to its start, at most its lock time: a fault may come between.
_ON_ITS_WAY = 2.0


@dataclass(slots=True)
class Findings:
    """What is wrong, in sentences; nothing, if all is well."""

    lost: list[str] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    wrongly_failed: list[str] = field(default_factory=list)
    inconsistent: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        for name in self.__slots__:
            for sentence in getattr(self, name):
                yield f"{name.replace('_', ' ')}: {sentence}"


def check(evidence: Evidence) -> Findings:
    """Check everything."""
    findings = Findings(backward=evidence.backward)
    for id, accepted in evidence.ledger.items():
        job = evidence.jobs.get(id)
        if job is None:
            findings.lost.append(f"{id} was accepted and is not in the record")
            continue
        executions, attempts = evidence.executions.get(id, []), evidence.attempts.get(id, [])
        findings.lost += _lost(job, accepted)
        findings.wrongly_failed += _wrongly_failed(job, accepted, executions, attempts)
        findings.inconsistent += _not_explained_by_attempts(job, accepted, executions, attempts)
        findings.inconsistent += _too_early(job, accepted, executions, attempts)
        findings.unexplained += _unexplained(job, executions, attempts, evidence.faults)
    # The record adds the time to the ids of jobs that it did not publish.
    foreign = [job for job in evidence.jobs.values() if "@" in job.job_id]
    findings.lost += [f"{job.job_id[:80]} is still {job.status}" for job in foreign if job.status not in FINAL]
    if len(foreign) != evidence.foreign:
        findings.lost.append(f"{len(foreign)} of {evidence.foreign} jobs of other programs are in the record")
    strangers = evidence.jobs.keys() - evidence.ledger.keys() - {job.id for job in foreign}
    findings.inconsistent += [f"{id} is in the record, and nobody published it" for id in strangers]
    findings.inconsistent += [
        f"{id} ran, and is not in the record" for id in evidence.executions.keys() - evidence.jobs.keys()
    ]
    findings.inconsistent += _not_at_rest(evidence)
    return findings


def _lost(job: JobRow, accepted: Accepted) -> Iterator[str]:
    if (job.job_type, job.data) != (accepted.job_type, accepted.data):
        yield f"{job.id} was accepted as {accepted.data}, and is recorded as {job.data}"
    if job.status not in FINAL:
        yield f"{job.id} is still {job.status}, at attempt {job.attempt}"


def _wrongly_failed(
    job: JobRow, accepted: Accepted, executions: list[Execution], attempts: list[AttemptRow]
) -> Iterator[str]:
    if job.status not in ("failed", "cancelled"):
        return
    counted = [one for one in attempts if one.outcome in _COUNTED]
    if not accepted.is_to_fail:
        yield f"{job.id} is {job.status} and should have succeeded: {job.error_message}"
    elif not executions:
        yield f"{job.id} is {job.status} and never ran: {job.error_message}"
    elif not accepted.data.get("kills") and len(counted) < accepted.attempts:
        yield f"{job.id} is {job.status} after {len(counted)} of {accepted.attempts} attempts: {job.error_message}"


def _not_explained_by_attempts(
    job: JobRow, accepted: Accepted, executions: list[Execution], attempts: list[AttemptRow]
) -> Iterator[str]:
    """Each final status has exactly one attempt that ended so, the last, which ran; and there are not too many."""
    if job.status not in FINAL:
        return
    ends = [one for one in attempts if one.outcome in FINAL]
    if [(one.outcome, one.attempt) for one in ends] != [(job.status, job.attempt)] or ends[-1] != attempts[-1]:
        yield f"{job.id} is {job.status} at attempt {job.attempt}; its attempts are {_told(attempts)}"
    counted = [one for one in attempts if one.outcome in _COUNTED]
    if len(counted) > accepted.attempts:
        yield f"{job.id} had {len(counted)} attempts, {accepted.attempts} were allowed: {_told(attempts)}"
    if job.status == "completed":
        if job.result != accepted.data["n"]:
            yield f"{job.id} has the result {job.result}, not {accepted.data['n']}"
        if not any(one.how == "returned" and one.attempt == job.attempt for one in executions):
            yield f"{job.id} is completed at attempt {job.attempt}, which never returned"
        if accepted.is_to_fail:
            yield f"{job.id} is completed, and always raises"


def _too_early(
    job: JobRow, accepted: Accepted, executions: list[Execution], attempts: list[AttemptRow]
) -> Iterator[str]:
    """No attempt begins before its time: the job's own, and the wait after a failure."""
    if executions and executions[0].start < accepted.asked_at + accepted.delay - _ROUNDING:
        after = executions[0].start - accepted.asked_at
        yield f"{job.id} ran {after:.3f} s after it was published, not {accepted.delay}"
    outcomes = {one.attempt: one.outcome for one in attempts}
    for before in executions:
        if before.how != "raised" or before.end is None or outcomes.get(before.attempt) != "retry":
            continue
        following = [one for one in executions if one.attempt > before.attempt]
        if following and following[0].start < before.end + accepted.wait - _ROUNDING:
            yield f"{job.id} ran again {following[0].start - before.end:.3f} s after it failed, not {accepted.wait}"


def _unexplained(
    job: JobRow, executions: list[Execution], attempts: list[AttemptRow], faults: list[Fault]
) -> Iterator[str]:
    """A job runs again after an attempt that failed, or for a fault; once its end is recorded it does not run again."""
    outcomes = {one.attempt: one.outcome for one in attempts}
    for before, after in pairwise(executions):
        is_planned = (
            before.how == "raised" and outcomes.get(before.attempt) == "retry" and after.attempt > before.attempt
        )
        if not is_planned and not _is_explained(before, after, faults):
            yield f"{job.id} ran again without a fault: {before}, then {after}; {_told(attempts)}"
    for one in executions:
        if job.ended_at is not None and one.start > job.ended_at + _TOLERANCE and not _was_stopped(one, faults):
            yield f"{job.id} ran {one.start - job.ended_at:.3f} s after its end was recorded: {one}; {_told(attempts)}"


def _is_explained(before: Execution, after: Execution, faults: list[Fault]) -> bool:
    """Whether a fault of all the system, or of a process that ran the job, may have made the second necessary.

    Between the two there may have been deliveries to workers that met with a fault before they began to run the job:
    then the first fault is that of the first execution, and the second one follows the last fault.
    """
    in_time = [one for one in faults if one.begin <= after.start <= one.end + one.settling]
    pids = (None, before.pid, after.pid)
    if any(one.pid in pids and before.start <= one.end + _ON_ITS_WAY for one in in_time):
        return True
    was_interrupted = any(one.pid in pids and one.end >= before.start for one in faults)
    return after.attempt > before.attempt + 1 and was_interrupted and bool(in_time)


def _was_stopped(one: Execution, faults: list[Fault]) -> bool:
    """Whether its process was stopped between claiming the job and running it."""
    return any(fault.what == STOPPED and fault.pid == one.pid and fault.begin < one.start for fault in faults)


def _not_at_rest(evidence: Evidence) -> Iterator[str]:
    """In the end queues are empty, no locks remain, and the record and Redis agree."""
    if evidence.outbox:
        yield f"{evidence.outbox} entries are left in the outbox"
    ends = {job.job_id: job.status for job in evidence.jobs.values()}
    for name, queue in evidence.queues.items():
        if queue.open or queue.locks:
            yield f"queue {name} has {queue.open} and the locks {queue.locks[:5]}"
        for job_id in queue.completed | queue.failed:
            in_redis = "completed" if job_id in queue.completed else "failed"
            recorded = "failed" if ends.get(job_id) == "cancelled" else ends.get(job_id)
            if recorded is not None and recorded != in_redis:
                yield f"{job_id} is {in_redis} in queue {name} and {recorded} in the record"


def _told(attempts: list[AttemptRow]) -> str:
    return ", ".join(f"{one.attempt} {one.outcome}" for one in attempts) or "none"


def executions_of(evidence: Evidence, ids: set[UUID]) -> int:
    """How often these jobs ran."""
    return sum(len(evidence.executions.get(id, [])) for id in ids)


def seconds_until_again(evidence: Evidence) -> list[float]:
    """How long it took from the death of a process until the jobs that it was running ran again, in ascending order."""
    deaths = {fault.pid: fault.end for fault in evidence.faults if fault.what == DIED}
    pairs = (pair for executions in evidence.executions.values() for pair in pairwise(executions))
    cut_off = [(before, after) for before, after in pairs if before.end is None and before.pid in deaths]
    return sorted(after.start - deaths[before.pid] for before, after in cut_off)
