"""Renders templates to HTML responses with their security headers.

No value ever becomes markup: templates escape everything, and scripts come from `static` only.
"""

import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import herdbook
from herdbook.web import humanize

# Nothing inline, nothing from other sites. Frames show the artifacts of a job.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_NAVIGATION = (
    ("/", "Overview"),
    ("/jobs", "Jobs"),
    ("/queues", "Queues"),
    ("/workers", "Workers"),
    ("/alerts", "Alerts"),
)
# What a page says after an action redirected to it, by the URL's `notice`.
FLASH_MESSAGES = {
    "retried": "The job will run again.",
    "cancelled": "Job cancelled.",
    "asked": "The worker has been asked to stop the job.",
    "promoted": "The job can run now.",
    "deleted": "Job deleted.",
    "paused": "Queue paused. Running jobs finish, but no new ones start.",
    "resumed": "Queue resumed.",
    "cleaned": "Completed jobs are being removed from Redis. They stay in the record.",
    "published": "Job published.",
}


class Renderer:
    """Renders the templates of this package.

    Templates get `page` (their context), `title`, `path`, `base_url`, `navigation`, `flash` and `now`; the functions of
    `humanize`, those of one value as filters; `static(path)` for the URL of a file and `query_string(**values)`.
    """

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("herdbook.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters = ("duration_ms", "duration_s", "utc_time", "number", "file_size", "one_line")
        self._environment.filters.update({name: getattr(humanize, name) for name in filters})
        self._environment.globals.update(
            static=static_url,
            query_string=query_string,
            time_between=humanize.time_between,
            plural=humanize.plural,
            relative_time=humanize.relative_time,
            version=herdbook.__version__,
        )

    def page(self, request: Request, template: str, *, title: str, page: Any, status: int = 200) -> Response:
        """The page, with the flash message that the URL asks for."""
        html = self._environment.get_template(template).render(
            page=page,
            title=title,
            path=request.url.path,
            base_url=str(request.base_url).rstrip("/"),
            navigation=_NAVIGATION,
            flash=FLASH_MESSAGES.get(request.query_params.get("notice", "")),
            now=datetime.now(UTC),
        )
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Vary": "Accept"}
        return HTMLResponse(html, status, headers)


def query_string(**values: Any) -> str:
    """A query string of the non-empty values, with its question mark; empty when there are none."""
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    return f"?{urlencode(kept, doseq=True)}" if kept else ""


def static_url(path: str) -> str:
    """The URL of a static file, which changes with the content of the files so that browsers may cache it forever."""
    return f"/static/{static_version()}/{path}"


@cache
def static_version() -> str:
    """A hash of all static files: one for all, because scripts import each other."""
    folder = files("herdbook.web").joinpath("static")
    content = hashlib.sha256()
    for one in sorted([*folder.iterdir(), *folder.joinpath("js").iterdir()], key=lambda one: one.name):
        if one.is_file():
            content.update(one.name.encode() + one.read_bytes())
    return content.hexdigest()[:12]
