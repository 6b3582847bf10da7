"""The third step: what a job came to, by how it ended and what it may still have."""

import random

from herdbook.execution.claimed_job import ClaimedJob
from herdbook.execution.error_report import report_error
from herdbook.model.outcome import Ended, Failed, Outcome, Raised, decide


def decide_outcome(job: ClaimedJob, ended: Ended) -> Outcome:
    """The outcome of an attempt; whatever is wrong with its options fails this job alone."""
    delivery = job.delivery
    own_backoff = job.job_type.own_backoff if job.job_type else None
    try:
        return decide(
            ended,
            attempts_made=delivery.attempts_made + 1,
            max_attempts=delivery.max_attempts,
            backoff=(delivery.backoff or own_backoff) if isinstance(ended, Raised) else None,
            random=random.random(),
        )
    except Exception as error:
        return Failed(error=report_error(error))
