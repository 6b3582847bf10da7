"""Locks a data folder, for one process and the servers that inherit the lock, and writes private files in it."""

import os
import secrets
import sys
import time
from pathlib import Path

from herdbook.embedded.errors import EmbeddedError
from herdbook.embedded.launch import is_alive

if sys.platform != "win32":
    import fcntl

LOCK = "lock"
GRACE = 15.0  # seconds that servers have to exit after the process that started them was killed


class DataFolder:
    """A data folder for the use of one process and its servers."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether we hold the folder's lock."""
        return self._lock is not None

    @property
    def lock_descriptor(self) -> int:
        """The open lock, which the servers inherit: it is held until the last of them has exited."""
        if self._lock is None:
            raise EmbeddedError(f"the data folder {self.path} is not locked")
        return self._lock

    def lock(self) -> None:
        """Lock the folder, creating it if necessary; raises EmbeddedError while others use it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Root's servers run as another account, which must be able to pass through, but not to list or write.
        self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
        lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for(lock)
        except BaseException:
            os.close(lock)
            raise
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def unlock(self) -> None:
        """Release the folder for others."""
        if self._lock is None:
            return
        os.ftruncate(self._lock, 0)
        # Closing it is not enough: a fork of this process may still hold the same lock.
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        os.close(self._lock)
        self._lock = None

    def _wait_for(self, lock: int) -> None:
        until = time.monotonic() + GRACE
        while not try_lock(lock, fcntl.LOCK_EX):
            holder = os.pread(lock, 20, 0).decode()
            # Servers whose parent was killed are about to exit, and a reader holds the lock only for an instant.
            if (holder and is_alive(int(holder))) or time.monotonic() > until:
                raise EmbeddedError(
                    f"the data folder {self.path} is in use by process {holder or 'unknown'}: "
                    "stop that process first, or choose another folder with --data"
                )
            time.sleep(0.05)


def is_locked(path: Path) -> bool:
    """Whether servers, or the process that starts them, use this data folder."""
    try:
        lock = os.open(path / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a lock if it is free; returns whether it was."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file atomically that only its owner may read."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames in a folder survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_or_create_password(path: Path) -> str:
    """The password in this file, generated first if there is none."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="utf-8")
