"""`herdbook up`: what it starts, what it refuses, and that it leaves nothing behind."""

import json
import signal
import socket
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from herdbook.embedded import read_running_servers
from herdbook.embedded.folder import is_locked
from herdbook.settings import Settings
from herdbook.testing import eventually

from .conftest import Up, herdbook
from .processes import read_log_until, running, wait_for_exit

APP = """
import asyncio
from herdbook import Herdbook

print("printed by the application")
book = Herdbook()

@book.processor("hang")
async def hang(payload: None) -> None:
    await asyncio.Event().wait()
"""


@pytest.fixture(scope="module")
def data(open_folder: Path) -> Path:
    """One data folder for all tests: creating it takes most of a start."""
    return open_folder / "one after the other"


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def serving(up: Up) -> list[psutil.Process]:
    return [one for one in alive(psutil.Process(up.process.pid).children()) if "serve" in one.cmdline()]


def test_an_application_that_cannot_be_imported_is_reported_before_anything_is_started(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text("import no_such_thing", encoding="utf-8")
    done = herdbook("up", "app:book", "--port", "0", "--data", str(data / "not made"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("herdbook: module 'app' cannot be imported: ModuleNotFoundError: ")
    assert done.stderr.count("\n") == 1
    assert not (data / "not made").exists()


def test_a_port_in_use_is_reported_before_anything_is_started(data: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = herdbook("up", "--port", str(port), "--data", str(data / "not made"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"herdbook: cannot listen on 127.0.0.1 port {port}: already in use; choose another with --port\n"
    )
    assert not (data / "not made").exists()


async def test_stopped_while_it_starts_it_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    async with running("up", "--port", "0", "--data", str(data), cwd=tmp_path) as up:

        async def is_starting() -> bool:
            return is_locked(data)

        await eventually(is_starting)
        up.terminate()
        code, out, err = await wait_for_exit(up)
    assert (code, out) == (0, ""), err
    assert not is_locked(data)


async def test_an_embedded_server_that_dies_ends_everything(data: Path, tmp_path: Path) -> None:
    async with running("up", "--port", "0", "--data", str(data), cwd=tmp_path) as up:
        await read_log_until(up, "serving", "worker started", "relay started")
        family = psutil.Process(up.pid).children(recursive=True)
        (redis,) = [one for one in family if "valkey" in one.name() or "redis" in one.name()]
        redis.kill()
        code, out, err = await wait_for_exit(up)
    assert code == 3
    assert out.startswith("ready http://127.0.0.1:")
    assert "herdbook: Redis has exited on SIGKILL" in err
    assert alive(family) == []


async def test_a_second_signal_stops_at_once_and_prints_go_to_stderr(data: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    deadline = {"HERDBOOK_STOP_DEADLINE": "600"}
    async with running("up", "app:book", "--port", "0", "--data", str(data), cwd=tmp_path, **deadline) as up:
        await read_log_until(up, "serving", "worker started", "printed by the application")
        family = psutil.Process(up.pid).children(recursive=True)
        servers = read_running_servers(data)
        assert servers is not None
        database = await asyncpg.connect(servers.database_url)
        await database.execute("SELECT herdbook.publish('hang', 'null')")

        async def is_running() -> bool:
            return bool(await database.fetchval("SELECT count(*) = 1 FROM herdbook.jobs WHERE status = 'processing'"))

        await eventually(is_running)
        await database.close()
        up.send_signal(signal.SIGINT)
        await read_log_until(up, "worker stopping")
        up.send_signal(signal.SIGINT)
        code, out, err = await wait_for_exit(up)
    assert code == 0, err
    assert out.splitlines()[1:] == []
    assert out.startswith("ready http://127.0.0.1:")
    assert alive(family) == []


async def test_a_configured_server_is_used_and_passed_on(settings: Settings, data: Path, tmp_path: Path) -> None:
    assert settings.redis_url
    # The relay puts there what the record of earlier tests still has to do.
    given = {
        "REDIS_URL": settings.redis_url,
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "SMTP_URL": "smtp://127.0.0.1:1",
    }
    words = ("--workers", "0", "--port", "0", "--data", str(data))
    async with running("up", *words, cwd=tmp_path, **given) as up:
        await read_log_until(up, "serving", "relay started")
        family = [one.name() for one in psutil.Process(up.pid).children()]
        printed = herdbook("env", "--data", str(data), cwd=tmp_path).stdout.splitlines()
        up.terminate()
        assert (await wait_for_exit(up))[0] == 0
    assert printed[0].startswith("export DATABASE_URL='postgresql://herdbook:")
    assert printed[1:] == [f"export REDIS_URL='{settings.redis_url}'", "export SMTP_URL='smtp://127.0.0.1:1'"]
    assert "postgres" in family
    assert not any("valkey" in name or "redis" in name for name in family)


async def test_a_killed_http_server_is_restarted_at_its_address(up: Up) -> None:
    (first,) = serving(up)
    first.kill()

    async def answers_again() -> bool:
        if first in serving(up):
            return False
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{up.url}/healthz")).is_success
        except httpx.TransportError:
            return False

    await eventually(answers_again)


def test_no_password_is_on_a_command_line(up: Up) -> None:
    running = json.loads((up.data / "servers.json").read_text(encoding="utf-8"))
    secrets = [running[name].rpartition("@")[0].rpartition(":")[2] for name in ("redis_url", "database_url")]
    assert all(len(secret) > 20 for secret in secrets)
    for process in psutil.Process(up.process.pid).children(recursive=True):
        assert not any(secret in word for word in process.cmdline() for secret in secrets)
