"""The draft of a job: its data as form entries or as a JSON text, and its options."""

from dataclasses import dataclass, replace
from typing import Any

from herdbook.errors import FieldProblem, InvalidJobError
from herdbook.model.job import Job
from herdbook.model.options import JobOptions
from herdbook.model.registry import JobType
from herdbook.publishing.publish import JobRequest, parse_options
from herdbook.web.form.entries import FieldEntry, blank_entry, count_rows
from herdbook.web.form.entry_to_value import entry_to_value
from herdbook.web.form.fields import ABSENT, Field
from herdbook.web.form.json_text import InvalidJsonText, format_json, parse_json_text
from herdbook.web.form.options import OPTIONS, options_field, options_from_job
from herdbook.web.form.schema import field_from_schema
from herdbook.web.form.submission import Submission, submitted_entry
from herdbook.web.form.value_to_entry import value_to_entry

DATA = "jobData"
# Larger data is edited as JSON: a page with thousands of inputs is slow to render and to use.
MAX_FORM_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A job being edited. Its data is in the form, or as JSON in `json_text` when that is not None."""

    job_type: JobType
    data: FieldEntry
    options: FieldEntry
    json_text: str | None = None

    @property
    def entries(self) -> dict[str, FieldEntry]:
        """The entries that problems can be about, by the first part of their paths."""
        return {OPTIONS: self.options} if self.json_text is not None else {DATA: self.data, OPTIONS: self.options}


def payload_field(job_type: JobType) -> Field:
    """The field of a job type's payload."""
    return replace(field_from_schema(job_type.payload.json_schema(), key=DATA), label="Job data")


def new_draft(job_type: JobType) -> Draft:
    """An empty draft."""
    return Draft(
        job_type=job_type,
        data=blank_entry(payload_field(job_type), DATA),
        options=blank_entry(options_field(job_type), OPTIONS),
    )


def draft_from_job(job_type: JobType, job: Job) -> Draft:
    """A draft with the data and options of an earlier job; raises InvalidJobError when no form can show them."""
    text = _format(job.job_data)
    draft = replace(new_draft(job_type), options=options_from_job(job_type, job), json_text=text)
    data = value_to_entry(draft.data.field, DATA, job.job_data)
    return replace(draft, data=data, json_text=None) if count_rows(data) <= MAX_FORM_ROWS else draft


def submitted_draft(job_type: JobType, submission: Submission) -> Draft:
    """The draft in a submitted form."""
    return Draft(
        job_type=job_type,
        data=submitted_entry(payload_field(job_type), DATA, submission),
        options=submitted_entry(options_field(job_type), OPTIONS, submission),
        json_text=submission.text("json") if submission.text("mode") == "json" else None,
    )


def switch_mode(draft: Draft, mode: str) -> Draft:
    """The draft with its data in the form or as JSON; raises InvalidJobError when it cannot be read."""
    if (draft.json_text is not None) == (mode == "json"):
        return draft
    if draft.json_text is None:
        value, problems = entry_to_value(draft.data, DATA)
        if problems:
            raise InvalidJobError("", problems)
        return replace(draft, json_text="" if value is ABSENT else _format(value))
    field = draft.data.field
    text = draft.json_text
    data = value_to_entry(field, DATA, _parse(text)) if text.strip() else blank_entry(field, DATA)
    if count_rows(data) > MAX_FORM_ROWS:
        message = f"this data has more than {MAX_FORM_ROWS} rows; edit it as JSON"
        raise InvalidJobError("", [FieldProblem(path=DATA, message=message)])
    return replace(draft, json_text=None, data=data)


def job_request(draft: Draft) -> JobRequest:
    """The request to publish the draft; raises InvalidJobError with all problems in its data and options."""
    data, problems = entry_to_value(draft.data, DATA) if draft.json_text is None else (_parse(draft.json_text), [])
    job_data = None if data is ABSENT else data
    options, option_problems = _read_options(draft.options)
    all_problems = [*_without_repeats(problems, _validate(draft.job_type, job_data)), *option_problems]
    if all_problems:
        raise InvalidJobError("", all_problems)
    return JobRequest(job_type=draft.job_type.name, job_data=job_data, options=options)


def _parse(text: str) -> Any:
    try:
        return parse_json_text(text)
    except InvalidJsonText as error:
        raise _invalid_data(error) from None


def _format(value: Any) -> str:
    try:
        return format_json(value)
    except InvalidJsonText as error:
        raise _invalid_data(error) from None


def _invalid_data(error: InvalidJsonText) -> InvalidJobError:
    return InvalidJobError("", [FieldProblem(path=DATA, message=str(error))])


def _read_options(entry: FieldEntry) -> tuple[JobOptions, list[FieldProblem]]:
    given, problems = entry_to_value(entry, OPTIONS)
    try:
        return parse_options(given), problems
    except InvalidJobError as error:
        return JobOptions(), _without_repeats(problems, error.problems)


def _validate(job_type: JobType, job_data: Any) -> tuple[FieldProblem, ...]:
    try:
        job_type.validate(_format(job_data))
    except InvalidJobError as error:
        return error.problems
    return ()


def _without_repeats(own: list[FieldProblem], more: Any) -> list[FieldProblem]:
    """Our own problems, and the model's where we have none: it validated a text that is no value."""
    paths = {problem.path for problem in own}
    return [*own, *(problem for problem in more if problem.path not in paths)]
