"""A running `herdbook up` shared by the tests of the command line, and commands on the test's servers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from herdbook.settings import Settings

from .commands import Commands

APP = """
from herdbook import Herdbook
book = Herdbook()

@book.processor("double", attempts=1)
async def double(payload: dict[str, int]) -> int:
    return payload["n"] * 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A running `up`."""

    data: Path
    url: str
    process: subprocess.Popen[str]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    return kept | more


def start_up(data: Path, app: Path) -> Up:
    command = [sys.executable, "-m", "herdbook", "up", "app:book", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(command, cwd=app, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    word, _, url = process.stdout.readline().strip().partition(" ")
    assert word == "ready"
    return Up(data=data, url=url, process=process)


def end(up: Up) -> int:
    up.process.terminate()
    code = up.process.wait(40)
    if up.process.stdout:
        up.process.stdout.close()
    return code


@pytest.fixture(scope="session")
def app_folder(open_folder: Path) -> Path:
    folder = open_folder / "app"
    folder.mkdir()
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def up(open_folder: Path, app_folder: Path) -> Iterator[Up]:
    started = start_up(open_folder / "up data", app_folder)
    yield started
    assert end(started) == 0


def herdbook(*words: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "herdbook", *words]
    return subprocess.run(
        command, cwd=cwd, env=environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_logging: None
) -> Commands:
    """Commands in an empty folder, with nothing configured."""
    for name in [name for name in os.environ if name.startswith("HERDBOOK_") or name.endswith("_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    # Importing an application changes it.
    monkeypatch.setattr(sys, "path", [*sys.path])
    return Commands(capsys)


@pytest.fixture
def configured(commands: Commands, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Commands with the test's own servers in the environment."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("REDIS_URL", settings.redis_url or "")
    monkeypatch.setenv("HERDBOOK_QUEUE_PREFIX", settings.queue_prefix)
    return commands
