"""Job contexts for processors that run without a queue."""

from tests.lone_jobs import apprise_is_loaded, artifacts, job, make_job

__all__ = ["apprise_is_loaded", "artifacts", "job", "make_job"]
