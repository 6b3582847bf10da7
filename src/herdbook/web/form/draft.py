"""Takes a job type, and an earlier job or what a browser sent.

Gives the draft of a job: the form's entries or the JSON text, and the request that it asks for.
Never publishes.
"""

from dataclasses import dataclass, replace
from typing import Any

from herdbook.errors import FieldProblem, InvalidJobError
from herdbook.model.job import Job
from herdbook.model.options import JobOptions
from herdbook.model.registry import JobType
from herdbook.publishing.publish import JobRequest, parse_options
from herdbook.web.form import json_text
from herdbook.web.form.entries import FieldEntry, blank, rows_in
from herdbook.web.form.fields import ABSENT, Field
from herdbook.web.form.fill import fill
from herdbook.web.form.options import NAME, options_like, options_of
from herdbook.web.form.schema import fields_of
from herdbook.web.form.submitted import Submitted, entry_of
from herdbook.web.form.values import read

DATA = "jobData"
# Larger data are edited as JSON: a page with thousands of inputs is slow to make and to use.
MOST_ROWS_FILLED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A job that is being written. Its data are in the form, or as JSON in `text` when that is not None."""

    job_type: JobType
    data: FieldEntry
    options: FieldEntry
    text: str | None = None

    @property
    def entries(self) -> dict[str, FieldEntry]:
        """The entries that problems may belong to, by the beginnings of their paths."""
        return {NAME: self.options} if self.text is not None else {DATA: self.data, NAME: self.options}


def field_of(job_type: JobType) -> Field:
    """The field of a job type's payload."""
    return replace(fields_of(job_type.payload.json_schema(), key=DATA), label="Job data")


def new_draft(job_type: JobType) -> Draft:
    """An empty draft."""
    return Draft(job_type=job_type, data=blank(field_of(job_type), DATA), options=blank(options_of(job_type), NAME))


def draft_like(job_type: JobType, job: Job) -> Draft:
    """A draft with an earlier job's data and options; raises InvalidJobError when no form can show them."""
    text = _pretty(job.job_data)
    draft = replace(new_draft(job_type), options=options_like(job_type, job), text=text)
    data = fill(draft.data.field, DATA, job.job_data)
    return replace(draft, data=data, text=None) if rows_in(data) <= MOST_ROWS_FILLED else draft


def sent_draft(job_type: JobType, sent: Submitted) -> Draft:
    """The draft in a form that was sent."""
    return Draft(
        job_type=job_type,
        data=entry_of(field_of(job_type), DATA, sent),
        options=entry_of(options_of(job_type), NAME, sent),
        text=sent.text("json") if sent.text("mode") == "json" else None,
    )


def switched(draft: Draft, mode: str) -> Draft:
    """The draft with its data in the form or as JSON; raises InvalidJobError when they cannot be read."""
    if (draft.text is not None) == (mode == "json"):
        return draft
    if draft.text is None:
        value, problems = read(draft.data, DATA)
        if problems:
            raise InvalidJobError("", problems)
        return replace(draft, text="" if value is ABSENT else _pretty(value))
    field = draft.data.field
    data = fill(field, DATA, _parsed(draft.text)) if draft.text.strip() else blank(field, DATA)
    if rows_in(data) > MOST_ROWS_FILLED:
        message = f"these data have more than {MOST_ROWS_FILLED} rows: edit them as JSON"
        raise InvalidJobError("", [FieldProblem(path=DATA, message=message)])
    return replace(draft, text=None, data=data)


def request_of(draft: Draft) -> JobRequest:
    """The job that the draft asks for; raises InvalidJobError with all that is wrong, in data and options."""
    data, problems = read(draft.data, DATA) if draft.text is None else (_parsed(draft.text), [])
    job_data = None if data is ABSENT else data
    options, more = _options(draft.options)
    found = [*_without_repeats(problems, _problems(draft.job_type, job_data)), *more]
    if found:
        raise InvalidJobError("", found)
    return JobRequest(job_type=draft.job_type.name, job_data=job_data, options=options)


def _parsed(text: str) -> Any:
    try:
        return json_text.parse(text)
    except json_text.Unreadable as error:
        raise _unreadable(error) from None


def _pretty(value: Any) -> str:
    try:
        return json_text.pretty(value)
    except json_text.Unreadable as error:
        raise _unreadable(error) from None


def _unreadable(error: json_text.Unreadable) -> InvalidJobError:
    return InvalidJobError("", [FieldProblem(path=DATA, message=str(error))])


def _options(entry: FieldEntry) -> tuple[JobOptions, list[FieldProblem]]:
    given, problems = read(entry, NAME)
    try:
        return parse_options(given), problems
    except InvalidJobError as error:
        return JobOptions(), _without_repeats(problems, error.problems)


def _problems(job_type: JobType, job_data: Any) -> tuple[FieldProblem, ...]:
    try:
        job_type.validate(_pretty(job_data))
    except InvalidJobError as error:
        return error.problems
    return ()


def _without_repeats(own: list[FieldProblem], more: Any) -> list[FieldProblem]:
    """Our own problems, and the model's where we had none: it looked at a text that stands for no value."""
    paths = {problem.path for problem in own}
    return [*own, *(problem for problem in more if problem.path not in paths)]
