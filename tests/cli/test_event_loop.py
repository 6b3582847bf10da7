"""What long-running processes start with."""

import asyncio
import resource
import sys
from asyncio.subprocess import PIPE

import pytest

_PROGRAM = """
import resource
from herdbook.cli.event_loop import run_on_fast_loop

async def limits():
    return resource.getrlimit(resource.RLIMIT_NOFILE)

print(run_on_fast_loop(limits()))
"""


@pytest.mark.parametrize(("hard", "expected"), [(2_000, 2_000), (200, 200)])
async def test_a_process_may_open_as_many_files_as_its_hard_limit_says(hard: int, expected: int) -> None:
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 256), hard))

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, stdout=PIPE, stderr=PIPE, preexec_fn=limit_files
    )
    output, errors = await process.communicate()
    assert (output.decode().strip(), errors) == (f"({expected}, {hard})", b"")
