"""Prepares a durable, private PostgreSQL server with its cluster in a folder, and a database `herdbook` in it."""

import shutil
import signal
import socket
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from herdbook.embedded.account import Account, account_for
from herdbook.embedded.errors import EmbeddedError
from herdbook.embedded.folder import read_or_create_password, sync_folder
from herdbook.embedded.postgres_binaries import Binaries, choose_binaries, copy_wheel
from herdbook.embedded.process import Launch, run_to_end

NAME = "herdbook"  # of the role and of the database
NEW = "cluster-new-"
PROTOCOL = 3 << 16

SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",  # the path of a socket must be short, but that of a data folder may be long
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_connections=100",
    "shared_buffers=128MB",
    "max_wal_size=1GB",
    "random_page_cost=1.1",
    "jit=off",
    "autovacuum_naptime=15s",
    "log_checkpoints=off",
    "timezone=UTC",
    "log_timezone=UTC",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A PostgreSQL server, ready to run on any port."""

    folder: Path
    binaries: Binaries
    account: Account | None
    password: str

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.folder / "cluster"

    def launch(self, port: int) -> Launch:
        """How to run the server; SIGINT makes it shut down quickly and cleanly."""
        settings = [word for setting in (*SETTINGS, f"port={port}") for word in ("-c", setting)]
        return self.program("postgres", "-D", str(self.cluster), *settings)

    def answers(self, port: int) -> bool:
        """Whether the server asks for a password; while it is starting up, it replies with an error."""
        names = f"user\0{NAME}\0database\0{NAME}\0\0".encode()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(struct.pack("!II", 8 + len(names), PROTOCOL) + names)
                return connection.recv(1000).startswith(b"R")
        except OSError:
            return False

    def url(self, port: int) -> str:
        """The URL for clients."""
        return f"postgresql://{NAME}:{self.password}@127.0.0.1:{port}/{NAME}"

    def program(self, name: str, *arguments: str, stdin: bytes = b"") -> Launch:
        """How to run one of PostgreSQL's programs."""
        return Launch(
            name="PostgreSQL" if name == "postgres" else name,
            command=(str(self.binaries.bin / name), *arguments),
            folder=self.folder,
            stop_signal=signal.SIGINT,
            stdin=stdin,
            account=self.account,
        )


def prepare_postgres(folder: Path, lock: int) -> PostgresServer:
    """Choose the server for the cluster in this folder, and create a cluster if there is none."""
    cluster = folder / "cluster"
    account = account_for(cluster)
    folder.mkdir(mode=0o700, exist_ok=True)
    if account:
        _grant_passage(account, folder)
    binaries = choose_binaries(cluster, _major(cluster))
    if account and not account.can_run(binaries.bin / "postgres", "--version"):
        binaries = copy_wheel(binaries, folder, account)
    server = PostgresServer(
        folder=folder, binaries=binaries, account=account, password=read_or_create_password(folder / "password")
    )
    if not cluster.exists():
        make_cluster(server, lock)
    return server


def make_cluster(server: PostgresServer, lock: int) -> None:
    """Create a cluster with its database under another name, and rename it once it is complete."""
    for unfinished in server.folder.glob(f"{NEW}*"):
        shutil.rmtree(unfinished)
    new = Path(tempfile.mkdtemp(prefix=NEW, dir=server.folder))
    try:
        password = new / "password"
        password.write_text(server.password, encoding="utf-8")
        cluster = new / "cluster"
        cluster.mkdir(mode=0o700)
        if server.account:
            server.account.own(new)
        initdb = server.program(
            "initdb",
            f"--pgdata={cluster}",
            f"--username={NAME}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
        )
        single = ("--single", "-D", str(cluster), "-c", "exit_on_error=on", "postgres")
        create = server.program("postgres", *single, stdin=f"CREATE DATABASE {NAME}\n".encode())
        for step in (initdb, create):
            run_to_end(step, lock)
        cluster.rename(server.cluster)
        sync_folder(server.folder)
    finally:
        # Children of an interrupted initdb may still be writing; the next start cleans up after them.
        shutil.rmtree(new, ignore_errors=True)


def _grant_passage(account: Account, folder: Path) -> None:
    """Let the server's account pass through to its folder; only our own two folders are opened."""
    folder.chmod(0o711)
    if account.can_run("test", "-x", folder):
        return
    folder.parent.chmod(folder.parent.stat().st_mode | 0o111)
    if not account.can_run("test", "-x", folder):
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the account {account.name} cannot reach {folder}: "
            "choose a folder that it can reach, for example --data /var/lib/herdbook"
        )


def _major(cluster: Path) -> int | None:
    try:
        return int((cluster / "PG_VERSION").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
