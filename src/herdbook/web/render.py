"""Takes a template's name and the page's typed context.

Gives the answer: HTML with its security headers.
Never lets a value become markup: templates escape all of them, and scripts come from `static` only.
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

# Nothing inline, nothing from elsewhere. Frames are the artifacts that a job page shows.
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
# What a page says after an action that led to it, by the word in its address.
NOTICES = {
    "retried": "The job starts anew.",
    "cancelled": "The job is cancelled.",
    "asked": "The worker is asked to stop the job.",
    "promoted": "The job may run now.",
    "deleted": "The job is deleted.",
    "paused": "The queue is paused: running jobs finish, no other starts.",
    "resumed": "The queue goes on.",
    "cleaned": "The queue forgets its completed jobs; the record keeps them.",
    "published": "The job is recorded and on its way.",
}


class Renderer:
    """Renders the templates of this package.

    Templates get `page` (their context), `title`, `path`, `base` (the site's address), `navigation`, `notice` and
    `now`; the functions of `words` as filters (`duration`, `seconds`, `moment`, `number`, `size`, `shortened`) and
    as globals (`between`, `plural`, `relative`), `static(path)` for the address of a file, and `query(**values)` for
    a query string.
    """

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("herdbook.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters = ("duration", "seconds", "moment", "number", "size", "shortened")
        self._environment.filters.update({name: getattr(humanize, name) for name in filters})
        self._environment.globals.update(
            static=static_address,
            query=query,
            between=humanize.between,
            plural=humanize.plural,
            relative=humanize.relative,
            version=herdbook.__version__,
        )

    def page(
        self, request: Request, template: str, *, title: str, page: Any, status: int = 200, notice: str | None = None
    ) -> Response:
        """The page. `title` is what it is about; `notice` is said on top, else what the address names."""
        html = self._environment.get_template(template).render(
            page=page,
            title=title,
            path=request.url.path,
            base=str(request.base_url).rstrip("/"),
            navigation=_NAVIGATION,
            notice=notice or NOTICES.get(request.query_params.get("notice", "")),
            now=datetime.now(UTC),
        )
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Vary": "Accept"}
        return HTMLResponse(html, status, headers)


def query(**values: Any) -> str:
    """A query string of the values that are not empty, with its question mark; empty when none is left."""
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    return f"?{urlencode(kept, doseq=True)}" if kept else ""


def static_address(path: str) -> str:
    """The address of a static file, which changes with their content, so that it may be kept for ever."""
    return f"/static/{static_version()}/{path}"


@cache
def static_version() -> str:
    """Tells these static files from those of another version; scripts name each other, so all have the same."""
    folder = files("herdbook.web").joinpath("static")
    content = hashlib.sha256()
    for one in sorted([*folder.iterdir(), *folder.joinpath("js").iterdir()], key=lambda one: one.name):
        if one.is_file():
            content.update(one.name.encode() + one.read_bytes())
    return content.hexdigest()[:12]
