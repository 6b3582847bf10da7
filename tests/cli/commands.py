"""Commands that are run inside the test's process: as a person would, but without waiting for an interpreter."""

import asyncio
from dataclasses import dataclass

import pytest

from herdbook.cli.main import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """The one line on stderr that an error is."""
        assert self.out == ""
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("herdbook: ")
        return self.err.removeprefix("herdbook: ").rstrip("\n")


class Commands:
    """Runs commands; the environment and the current folder are the test's."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *words: str) -> Said:
        """Run a command from a test that has no event loop."""
        code = run(list(words))
        out, err = self._capsys.readouterr()
        return Said(code=code, out=out, err=err)

    async def call(self, *words: str) -> Said:
        """Run a command from a test that has one: each command makes its own."""
        return await asyncio.to_thread(self.run, *words)
