"""Commands that run as processes, as a terminal or a supervisor starts them."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from .conftest import environment

# Seconds within which a process has to say or do what a test waits for.
PATIENCE = 40


def running(*words: str, cwd: Path, **variables: str) -> AbstractAsyncContextManager[Process]:
    """A `herdbook` command; it is killed if the test leaves it running."""
    return running_on(Path(sys.executable), *words, cwd=cwd, **variables)


@asynccontextmanager
async def running_on(python: Path, *words: str, cwd: Path, **variables: str) -> AsyncIterator[Process]:
    """The same with the Python of another environment."""
    command = (str(python), "-m", "herdbook", *words)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment(**variables), stdout=PIPE, stderr=PIPE, limit=2**20
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def hear(process: Process, *parts: str) -> str:
    """Read the log until each part was in some line; returns all that was read."""
    assert process.stderr
    heard, wanted = "", set(parts)
    async with asyncio.timeout(PATIENCE):
        while wanted:
            line = (await process.stderr.readline()).decode()
            assert line, f"it ended without saying {wanted}: {heard}"
            heard += line
            wanted = {part for part in wanted if part not in line}
    return heard


async def ended(process: Process) -> tuple[int, str, str]:
    """The exit code, and what is left to read of stdout and stderr."""
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
