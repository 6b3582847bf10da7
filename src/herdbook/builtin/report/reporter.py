"""Runs report jobs: renders the file in a thread, reports progress, and stores the file as the job's artifact."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from herdbook.builtin.report.document import Advance, Document, Rendered, record_document, rows_document
from herdbook.builtin.report.payload import Format, RecordQuery, ReportPayload
from herdbook.model.context import JobContext
from herdbook.model.summary import Summarise

MEDIA_TYPES: dict[Format, str] = {
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_MAX_NAME = 80
_PERCENT_PER_REPORT = 2


def now_utc() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


class Reporter:
    """Makes reports; `summarise` reads the record's statistics, `clock` returns the current time."""

    def __init__(self, summarise: Summarise, clock: Callable[[], datetime] = now_utc) -> None:
        self._summarise = summarise
        self._clock = clock

    async def run(self, payload: ReportPayload, job: JobContext) -> dict[str, Any]:
        """Make a report as PDF, HTML, CSV or Excel, from given rows or from the record of jobs."""
        document = await self._document(payload)
        advance = _progress_counter(job.progress, document.all_rows)
        rendered = await asyncio.to_thread(render, payload.format, document, advance)
        name = f"{_file_name(payload.title)}.{payload.format}"
        media_type = MEDIA_TYPES[payload.format]
        artifact = await asyncio.to_thread(job.save_artifact, name, rendered.content, media_type)
        job.progress(100)
        result = {
            "artifact": {"name": artifact.name, "mediaType": artifact.media_type, "size": artifact.size},
            "rows": len(document.tables[0].rows),
        }
        return result if rendered.pages is None else {**result, "pages": rendered.pages}

    async def _document(self, payload: ReportPayload) -> Document:
        made_at = self._clock()
        if payload.source.rows is not None:
            return await asyncio.to_thread(rows_document, payload.title, payload.source.rows, made_at)
        query = payload.source.record or RecordQuery()
        summary = await self._summarise(made_at - timedelta(hours=query.hours), query.job_type)
        return record_document(payload.title, query, summary, made_at)


def render(format: Format, document: Document, advance: Advance) -> Rendered:
    """The document as a file in this format; to be called in a thread."""
    # Imported on demand: together they take half a second, which would delay every `herdbook` command.
    maker = import_module(f"herdbook.builtin.report.to_{format}")
    rendered: Rendered = maker.render(document, advance)
    return rendered


def _progress_counter(report: Callable[[int], None], rows: int) -> Advance:
    """A function to call for each row, which reports every second percent up to 98."""
    done = reported = 0

    def advance() -> None:
        nonlocal done, reported
        done += 1
        percent = min(done * 100 // rows, 98)
        if percent >= reported + _PERCENT_PER_REPORT:
            reported = percent
            report(percent)

    return advance


def _file_name(title: str) -> str:
    words = re.findall(r"\w+", title.lower())
    return "-".join(words)[:_MAX_NAME].strip("-") or "report"
