"""Reads the JSON of jobs to be published; what is in the job data is left to the job type's model."""

from typing import Any

from herdbook.errors import FieldProblem, InvalidJobError
from herdbook.model.options import JobOptions
from herdbook.publishing.publish import JobRequest, parse_options

MAX_BULK_JOBS = 10_000
_FIELDS = frozenset({"jobType", "jobData", "options"})
_NO_OPTIONS = JobOptions()
# The record's own limit; a longer text need not be repeated in a response.
_MAX_JOB_TYPE_LENGTH = 200


def parse_job(body: Any, *, key: str | None = None, at: str = "") -> JobRequest:
    """The job in a JSON object. Raises InvalidJobError.

    `key` is the idempotency key of the header, `at` a prefix for the paths of errors.
    """
    if not isinstance(body, dict):
        raise _invalid([FieldProblem(path=at.rstrip("."), message="must be an object with jobType and jobData")])
    if body.keys() != _FIELDS:
        _check_fields(body, at)
    job_type = body["jobType"]
    if not isinstance(job_type, str) or not 0 < len(job_type) <= _MAX_JOB_TYPE_LENGTH:
        message = f"must be a string of 1 to {_MAX_JOB_TYPE_LENGTH} characters"
        raise _invalid([FieldProblem(path=f"{at}jobType", message=message)])
    return JobRequest(job_type=job_type, job_data=body["jobData"], options=_options(body.get("options"), key, at))


def parse_jobs(body: Any) -> list[JobRequest]:
    """The jobs in `{"jobs": [...]}`; raises InvalidJobError."""
    if not isinstance(body, dict) or body.keys() != {"jobs"}:
        raise _invalid([FieldProblem(path="", message="must be an object with jobs and no other field")])
    jobs = body["jobs"]
    if not isinstance(jobs, list) or not 0 < len(jobs) <= MAX_BULK_JOBS:
        raise _invalid([FieldProblem(path="jobs", message=f"must be a list of 1 to {MAX_BULK_JOBS:,} jobs")])
    return [parse_job(job, at=f"jobs.{index}.") for index, job in enumerate(jobs)]


def _check_fields(body: dict[str, Any], at: str) -> None:
    problems = [
        FieldProblem(path=f"{at}{name}", message="is required") for name in ("jobType", "jobData") if name not in body
    ]
    unknown = sorted(body.keys() - _FIELDS)
    problems += [FieldProblem(path=f"{at}{name}", message="is not a field of a job") for name in unknown]
    if problems:
        raise _invalid(problems)


def _options(given: Any, key: str | None, at: str) -> JobOptions:
    if given is None and key is None:
        return _NO_OPTIONS
    if not isinstance(given, dict | None):
        raise _invalid([FieldProblem(path=f"{at}options", message="must be an object")])
    fields = given or {}
    if key is not None and fields.get("idempotencyKey", fields.get("idempotency_key")) is None:
        fields = {**fields, "idempotencyKey": key}
    try:
        options = parse_options(fields)
    except InvalidJobError as error:
        raise _invalid([FieldProblem(path=f"{at}{one.path}", message=one.message) for one in error.problems]) from None
    if key is not None and options.idempotency_key != key:
        message = "differs from the Idempotency-Key header"
        raise _invalid([FieldProblem(path="options.idempotencyKey", message=message)])
    return options


def _invalid(problems: list[FieldProblem]) -> InvalidJobError:
    return InvalidJobError("; ".join(f"{one.path or 'body'}: {one.message}" for one in problems[:3]), problems)
