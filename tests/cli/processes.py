"""Runs commands as processes, as a terminal or a supervisor would."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from .conftest import environment

# Seconds to wait for output or for the exit.
TIMEOUT = 40


def running(*words: str, cwd: Path, **variables: str) -> AbstractAsyncContextManager[Process]:
    """A `herdbook` command; it is killed if it is still running after the block."""
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


async def read_log_until(process: Process, *parts: str) -> str:
    """Read the log until each part has occurred in a line; returns everything read."""
    assert process.stderr
    log, wanted = "", set(parts)
    async with asyncio.timeout(TIMEOUT):
        while wanted:
            line = (await process.stderr.readline()).decode()
            assert line, f"it exited without logging {wanted}: {log}"
            log += line
            wanted = {part for part in wanted if part not in line}
    return log


async def wait_for_exit(process: Process) -> tuple[int, str, str]:
    """The exit code, and the rest of stdout and stderr."""
    async with asyncio.timeout(TIMEOUT):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
