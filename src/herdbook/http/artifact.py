"""The route that serves the file a job made.

A browser never runs its contents: HTML is only ever downloaded, and media types are not guessed.
"""

import asyncio
import re
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse

from herdbook.http.job_reads import parse_job_id
from herdbook.http.openapi import Responses, problem_responses
from herdbook.http.problems import NO_ARTIFACT, Refused
from herdbook.model.artifacts import Artifact, ArtifactStore
from herdbook.model.options import CamelModel

_SHOWN_INLINE = frozenset({"application/pdf", "image/png", "image/jpeg", "text/csv", "text/plain"})
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)*", re.ASCII)
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})", re.ASCII)
_UNKNOWN = "application/octet-stream"
_FILE = {"content": {_UNKNOWN: {"schema": {"type": "string", "format": "binary"}}}}


class ArtifactQuery(CamelModel):
    """How to serve the file."""

    inline: bool = False


class ArtifactRoutes:
    """`GET /api/jobs/{id}/artifact`."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        responses: Responses = {
            200: {"description": "The file", **_FILE},
            206: {"description": "The part of the file that the Range header asked for", **_FILE},
            **problem_responses(404, 416, 422),
        }
        app.get("/api/jobs/{id}/artifact", response_class=FileResponse, responses=responses, tags=["jobs"])(
            self.artifact
        )

    async def artifact(self, request: Request, id: str, query: Annotated[ArtifactQuery, Query()]) -> FileResponse:
        """Download the file that a job made; with `inline=1` browsers display PDF, images, CSV and text."""
        job, _ = parse_job_id(id)
        found = await asyncio.to_thread(self._find, job)
        if found is None:
            raise Refused(NO_ARTIFACT, f"job {job} has no artifact")
        artifact, path, size = found
        _drop_invalid_range(request, size)
        shown = query.inline and artifact.media_type.partition(";")[0].strip().lower() in _SHOWN_INLINE
        return FileResponse(
            path,
            # A retried job may replace its file.
            headers={"Cache-Control": "private, no-cache"},
            media_type=artifact.media_type if _MEDIA_TYPE.fullmatch(artifact.media_type) else _UNKNOWN,
            filename=artifact.name,
            content_disposition_type="inline" if shown else "attachment",
        )

    def _find(self, job: UUID) -> tuple[Artifact, Path, int] | None:
        found = self._artifacts.find(job)
        if found is None:
            return None
        artifact, path = found
        try:
            return artifact, path, path.stat().st_size
        except FileNotFoundError:
            return None


def _drop_invalid_range(request: Request, size: int) -> None:
    """Remove an invalid Range header, so that the whole file is served; raises 416 for a range beyond the end."""
    wanted = request.headers.get("range")
    if wanted is None:
        return
    match = _RANGE.fullmatch(wanted)
    if match and int(match[1]) >= size:
        raise HTTPException(
            416, "the range starts beyond the end of the file", headers={"Content-Range": f"bytes */{size}"}
        )
    if not match or (match[2] and int(match[2]) < int(match[1])):
        headers = request.scope["headers"]
        request.scope["headers"] = [one for one in headers if one[0] != b"range"]
