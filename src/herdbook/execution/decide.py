"""The third step: what a job came to, by how it ended and what it may still have."""

import random

from herdbook.execution.claimed_job import ClaimedJob
from herdbook.execution.error_report import report_error
from herdbook.model.outcome import Ended, Failed, Outcome, Raised, Returned, decide, decide_returned


def decide_outcome(job: ClaimedJob, ended: Ended, max_result_bytes: int) -> Outcome:
    """The outcome of an attempt; whatever is wrong with its options fails this job alone."""
    try:
        if isinstance(ended, Returned):
            # Nearly every job; its options do not matter any more.
            return decide_returned(ended.value, max_result_bytes)
        return _decide_by_options(job, ended, max_result_bytes)
    except Exception as error:
        return Failed(error=report_error(error))


def _decide_by_options(job: ClaimedJob, ended: Ended, max_result_bytes: int) -> Outcome:
    delivery = job.delivery
    own_backoff = job.job_type.own_backoff if job.job_type else None
    return decide(
        ended,
        attempts_made=job.attempts_made + 1,
        max_attempts=delivery.max_attempts,
        backoff=(delivery.backoff or own_backoff) if isinstance(ended, Raised) else None,
        random=random.random(),
        max_result_bytes=max_result_bytes,
    )
