"""Both servers together, as in `herdbook up`: one start per folder, and none left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis import Redis

from herdbook.embedded import EmbeddedError, EmbeddedServers, read_running_servers
from herdbook.embedded.folder import is_locked
from herdbook.testing import eventually

UP = """
import signal, sys, threading
from pathlib import Path
from herdbook.embedded import EmbeddedServers

servers = EmbeddedServers(Path(sys.argv[1]))
starter = threading.Thread(target=servers.start)
starter.run() if sys.argv[2] == "main thread" else (starter.start(), starter.join())
print("ready", flush=True)
signal.pause()
"""


@contextmanager
def up(data: Path, starter: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has started the servers."""
    command = [sys.executable, "-W", "error", "-c", UP, str(data), starter]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def is_open(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)).close()
    except ConnectionRefusedError:
        return False
    return True


async def is_left(data: Path) -> bool:
    return not is_locked(data)


async def test_both_servers_run_until_they_are_stopped(data: Path) -> None:
    with EmbeddedServers(data) as servers:
        with Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        connection = await asyncpg.connect(servers.database_url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        servers.check()
        urls = (servers.redis_url, servers.database_url)
    assert not any(map(is_open, urls))
    with pytest.raises(EmbeddedError, match=r"is not running"):
        _ = servers.redis_url


def test_other_processes_can_find_the_servers(used_data: Path) -> None:
    assert read_running_servers(used_data) is None
    with EmbeddedServers(used_data) as servers:
        running = read_running_servers(used_data)
        assert running is not None
        assert (running.redis_url, running.database_url) == (servers.redis_url, servers.database_url)
        assert running.pid == os.getpid()
        assert (used_data / "servers.json").stat().st_mode & 0o777 == 0o600
    assert not (used_data / "servers.json").exists()
    assert read_running_servers(used_data) is None


def test_only_the_requested_servers_are_started(data: Path) -> None:
    with EmbeddedServers(data, postgres=False) as servers:
        running = read_running_servers(data)
        assert running is not None
        assert running.database_url is None
        assert is_open(servers.redis_url)
        with pytest.raises(EmbeddedError, match=r"embedded PostgreSQL is not running"):
            _ = servers.database_url
    assert not (data / "postgres").exists()


def test_a_second_start_on_the_same_data_is_refused(data: Path) -> None:
    with EmbeddedServers(data, postgres=False) as first:
        with pytest.raises(EmbeddedError) as refusal:
            EmbeddedServers(data, postgres=False).start()
        assert str(data) in str(refusal.value)
        assert f"in use by process {os.getpid()}" in str(refusal.value)
        with pytest.raises(EmbeddedError, match=r"already running"):
            first.start()
        assert is_open(first.redis_url)
        assert read_running_servers(data) is not None


def test_the_next_start_has_the_same_urls(used_data: Path) -> None:
    with EmbeddedServers(used_data) as servers:
        urls = (servers.redis_url, servers.database_url)
    with EmbeddedServers(used_data) as servers:
        assert (servers.redis_url, servers.database_url) == urls


@pytest.mark.parametrize("starter", ["main thread", "other thread"])
async def test_no_server_outlives_a_killed_parent(used_data: Path, starter: str) -> None:
    with up(used_data, starter) as process:
        running = read_running_servers(used_data)
        assert running is not None
        assert running.redis_url
        assert running.database_url
        assert running.pid == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
    # The lock is held as long as one of the servers or of their children exists.
    await eventually(lambda: is_left(used_data))
    assert not is_open(running.redis_url)
    assert not is_open(running.database_url)
    assert read_running_servers(used_data) is None


def test_a_start_right_after_a_kill_waits_for_the_servers_to_exit(used_data: Path) -> None:
    with up(used_data, "main thread") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with EmbeddedServers(used_data) as servers:
            assert is_open(servers.database_url)


def test_a_stale_servers_file_is_ignored(data: Path) -> None:
    data.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        note = {"redis_url": "redis://127.0.0.1:1/0", "database_url": None, "pid": pid}
        (data / "servers.json").write_text(json.dumps(note))
        assert read_running_servers(data) is None


def test_if_one_server_cannot_start_none_is_left_running(data: Path) -> None:
    cluster = data / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9")
    with pytest.raises(EmbeddedError, match=r"belongs to PostgreSQL 9"):
        EmbeddedServers(data).start()
    assert not is_locked(data)
    assert not (data / "servers.json").exists()


def test_a_path_that_is_not_a_folder_is_refused_with_advice(data: Path) -> None:
    data.write_text("")
    with pytest.raises(EmbeddedError, match=r"cannot be used: .*--data"):
        EmbeddedServers(data).start()
