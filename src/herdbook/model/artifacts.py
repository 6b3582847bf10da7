"""Keeps the files that jobs produce, by job id; in a folder by default.

A file name from a job never decides where the file is stored.
"""

import os
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import orjson

_UNSAFE = re.compile(r"[^\w.\- ]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A stored file: its name, its media type (such as `application/pdf`), its size in bytes."""

    name: str
    media_type: str
    size: int


class ArtifactStore(Protocol):
    """Storage for artifacts, one per job."""

    def save(self, job: UUID, name: str, content: bytes, media_type: str) -> Artifact:
        """Store the file atomically, replacing the job's earlier one."""

    def find(self, job: UUID) -> tuple[Artifact, Path] | None:
        """The job's artifact and a local path to read it from; None if there is none."""

    def remove(self, job: UUID) -> None:
        """Delete the job's artifact, if it has one."""


class FolderArtifacts:
    """Artifacts in a folder: the content in `<id>.bin`, its name and type in `<id>.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, job: UUID, name: str, content: bytes, media_type: str) -> Artifact:
        """Store the file; the description is written last, so a half-written artifact is never found."""
        artifact = Artifact(name=_safe_name(name), media_type=media_type, size=len(content))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write(f"{job}.bin", content)
        self._write(f"{job}.json", orjson.dumps(asdict(artifact)))
        return artifact

    def find(self, job: UUID) -> tuple[Artifact, Path] | None:
        """The job's artifact, or None."""
        try:
            description = (self._folder / f"{job}.json").read_bytes()
        except FileNotFoundError:
            return None
        return Artifact(**orjson.loads(description)), self._folder / f"{job}.bin"

    def remove(self, job: UUID) -> None:
        """Delete the files; the description goes first, so a half-deleted artifact is never found."""
        for name in (f"{job}.json", f"{job}.bin"):
            (self._folder / name).unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(self._folder / name)


def _safe_name(name: str) -> str:
    return _UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")[:150] or "artifact"
