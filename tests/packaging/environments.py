"""Builds wheels, installs each into an environment of its own, and runs its commands there."""

import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import uv

from tests.cli.processes import read_log_until, running_on, wait_for_exit

ROOT = Path(__file__).parents[2]


def build(source: Path, folder: Path) -> Path:
    """The wheel of the sources, made in an empty folder."""
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder), cwd=source)
    (built,) = folder.iterdir()
    return built


def install(wheel: str, folder: Path, constraints: Path = ROOT / "requirements.lock") -> Path:
    """The Python of an environment that has the wheel and what it needs, in the versions that its tests run with."""
    run(uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(folder))
    python = folder / "bin" / "python"
    pinned = ["--constraints", str(constraints)]
    run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(python), *pinned, wheel)
    return python


def run(*command: str, cwd: Path = ROOT) -> str:
    """What a command prints, which must succeed."""
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@asynccontextmanager
async def working(python: Path, folder: Path, variables: Mapping[str, str]) -> AsyncIterator[str]:
    """A relay and a worker; yields what the worker said until it had started."""
    async with (
        running_on(python, "relay", cwd=folder, **variables),
        running_on(python, "worker", "app:book", cwd=folder, **variables) as worker,
    ):
        yield await read_log_until(worker, "worker started")


async def call(python: Path, folder: Path, *words: str, **variables: str) -> tuple[int, str, str]:
    """The exit code of a command, its stdout and its stderr."""
    async with running_on(python, *words, cwd=folder, **variables) as process:
        return await wait_for_exit(process)
