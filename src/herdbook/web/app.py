"""Takes the parts of a running system.

Gives the application that serves the API and the pages.
Never opens or closes a part: whoever made it does.
"""

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import herdbook.http.app
from herdbook.http.parts import Parts
from herdbook.web.errors import PageErrors
from herdbook.web.render import Renderer


def create_app(parts: Parts) -> FastAPI:
    """The API with the pages."""
    render = Renderer()
    errors = PageErrors(render)
    app = herdbook.http.app.create_app(parts, fault=errors.fault)
    errors.add_to(app)
    app.mount("/static", _Static(packages=[("herdbook.web", "static")]))
    return app


class _Static(StaticFiles):
    """Files whose addresses change with their content, so that browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        versioned = b"v=" in scope["query_string"]
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return answer
