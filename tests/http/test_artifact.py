"""The files that jobs make: downloaded by default, never executed in a browser."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest

from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.ids import new_job_id
from tests.http.conftest import assert_problem


async def test_a_file_is_downloaded_as_it_was_saved(api: httpx.AsyncClient, artifacts: FolderArtifacts) -> None:
    job = new_job_id()
    artifacts.save(job, "Bericht März.pdf", b"%PDF-1.7 x", "application/pdf")
    for job_id in (f"{job}", f"{job}~1"):
        answer = await api.get(f"/api/jobs/{job_id}/artifact")
        assert (answer.status_code, answer.content) == (200, b"%PDF-1.7 x")
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''Bericht%20M%C3%A4rz.pdf"
        assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("name", "media_type", "shown"),
    [
        ("a.pdf", "application/pdf", True),
        ("a.png", "image/png", True),
        ("a.jpg", "image/jpeg", True),
        ("a.csv", "text/csv; charset=utf-8", True),
        ("a.txt", "Text/Plain", True),
        ("a.html", "text/html; charset=utf-8", False),
        ("a.xhtml", "application/xhtml+xml", False),
        ("a.svg", "image/svg+xml", False),
        ("a.bin", "application/octet-stream", False),
    ],
)
async def test_only_harmless_types_are_displayed_and_only_on_request(
    api: httpx.AsyncClient, artifacts: FolderArtifacts, name: str, media_type: str, shown: bool
) -> None:
    job = new_job_id()
    artifacts.save(job, name, b"<script>", media_type)
    asked = await api.get(f"/api/jobs/{job}/artifact?inline=1")
    assert asked.headers["content-disposition"] == f'{"inline" if shown else "attachment"}; filename="{name}"'
    assert asked.headers["content-type"].startswith(media_type)
    for query in ("", "?inline=0"):
        plain = await api.get(f"/api/jobs/{job}/artifact{query}")
        assert plain.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("media_type", ["text/html\r\nX-Evil: 1", "", "text", "text/html, text/plain", "tëxt/html"])
async def test_invalid_media_types_are_not_passed_on(
    api: httpx.AsyncClient, artifacts: FolderArtifacts, media_type: str
) -> None:
    job = new_job_id()
    artifacts.save(job, "a.html", b"x", media_type)
    answer = await api.get(f"/api/jobs/{job}/artifact?inline=1")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


async def test_a_job_without_a_file_is_not_found(
    api: httpx.AsyncClient, artifacts: FolderArtifacts, tmp_path: Path
) -> None:
    job = new_job_id()
    assert_problem(await api.get(f"/api/jobs/{job}/artifact"), 404, "no-artifact")
    artifacts.save(job, "a", b"x", "text/plain")
    remove(tmp_path, job)
    assert_problem(await api.get(f"/api/jobs/{job}/artifact"), 404, "no-artifact")
    assert_problem(await api.get(f"/api/jobs/{job}/artifact?inline=x"), 422, "invalid-request", "inline")
    assert_problem(await api.get(f"/api/jobs/{job}/artifact?x=1"), 422, "invalid-request", "x")


def remove(folder: Path, job: UUID) -> None:
    (folder / "artifacts" / f"{job}.bin").unlink()


async def test_parts_of_a_file_are_served(api: httpx.AsyncClient, artifacts: FolderArtifacts) -> None:
    job = new_job_id()
    artifacts.save(job, "a", b"0123456789", "text/plain")
    part = await api.get(f"/api/jobs/{job}/artifact", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    open_end = await api.get(f"/api/jobs/{job}/artifact", headers={"Range": "bytes=8-"})
    assert (open_end.status_code, open_end.content) == (206, b"89")
    beyond = await api.get(f"/api/jobs/{job}/artifact", headers={"Range": "bytes=10-"})
    assert_problem(beyond, 416)
    assert beyond.headers["content-range"] == "bytes */10"


@pytest.mark.parametrize("wanted", ["x", "lines=1-2", "bytes=", "bytes=4-2", "bytes=a-b", "bytes=0-1,2-3"])
async def test_invalid_ranges_are_ignored(api: httpx.AsyncClient, artifacts: FolderArtifacts, wanted: str) -> None:
    job = new_job_id()
    artifacts.save(job, "a", b"0123456789", "text/plain")
    answer = await api.get(f"/api/jobs/{job}/artifact", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, b"0123456789")
