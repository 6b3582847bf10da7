"""Takes a report job.

Gives its file, kept as the job's artifact, and tells how far the making is.
Never blocks the event loop: files are made in a thread.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from herdbook.builtin.report.document import Advance, Document, Rendered, record_document, rows_document
from herdbook.builtin.report.payload import Format, RecordQuery, ReportPayload
from herdbook.builtin.report.summary import Summarise
from herdbook.model.context import JobContext

MEDIA_TYPES: dict[Format, str] = {
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_LONGEST_NAME = 80
_PERCENT_PER_REPORT = 2


def now_utc() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Reporter:
    """Makes reports; `summarise` finds the record's figures, `clock` tells the time."""

    def __init__(self, summarise: Summarise, clock: Callable[[], datetime] = now_utc) -> None:
        self._summarise = summarise
        self._clock = clock

    async def run(self, payload: ReportPayload, job: JobContext) -> dict[str, Any]:
        """Make a report, as PDF, HTML, CSV or Excel, of given rows or of the record of jobs."""
        document = await self._document(payload)
        advance = _telling(job.progress, document.all_rows)
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
    """The document as a file of this format; to be called in a thread."""
    # Imported when needed: together they take half a second, which every `herdbook` command would wait for.
    maker = import_module(f"herdbook.builtin.report.to_{format}")
    rendered: Rendered = maker.render(document, advance)
    return rendered


def _telling(report: Callable[[int], None], rows: int) -> Advance:
    """A function to call for each row, which reports every second percent up to 98."""
    done = told = 0

    def advance() -> None:
        nonlocal done, told
        done += 1
        percent = min(done * 100 // rows, 98)
        if percent >= told + _PERCENT_PER_REPORT:
            told = percent
            report(percent)

    return advance


def _file_name(title: str) -> str:
    words = re.findall(r"\w+", title.lower())
    return "-".join(words)[:_LONGEST_NAME].strip("-") or "report"
