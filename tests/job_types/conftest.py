"""What the tests of the job types of a process share."""

from tests.lone_jobs import apprise_is_loaded, artifacts, job, make_job

__all__ = ["apprise_is_loaded", "artifacts", "job", "make_job"]
