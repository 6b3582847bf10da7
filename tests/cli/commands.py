"""Runs commands inside the test's process, which saves the start of an interpreter."""

import asyncio
from dataclasses import dataclass

import pytest

from herdbook.cli.main import run


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that an error prints to stderr."""
        assert self.out == ""
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("herdbook: ")
        return self.err.removeprefix("herdbook: ").rstrip("\n")


class Commands:
    """Runs commands with the environment and current folder of the test."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *words: str) -> CommandResult:
        """Run a command from a test that has no event loop."""
        code = run(list(words))
        out, err = self._capsys.readouterr()
        return CommandResult(code=code, out=out, err=err)

    async def call(self, *words: str) -> CommandResult:
        """Run a command from a test that has an event loop: each command makes its own."""
        return await asyncio.to_thread(self.run, *words)
