"""Takes a command and the folder to run it in.

Gives a child process that logs to a file there, is told to stop in its own way, and ends with us.
Never knows which server it runs.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from herdbook.embedded.account import Account
from herdbook.embedded.errors import EmbeddedError

LOG = "server.log"
LOG_LIMIT = 5_000_000  # bytes; a longer one is put aside at the next start
TELLING = re.compile(r"FATAL|PANIC|ERROR| # (?!WARNING)")
LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How one program is run: `folder` is where it works and logs, `account` as whom if not as us."""

    name: str
    command: tuple[str, ...]
    folder: Path
    stop_signal: signal.Signals
    stdin: bytes = b""
    account: Account | None = None


class ServerEndedError(EmbeddedError):
    """A server ended while it should run."""

    def __init__(self, message: str, *, port_taken: bool) -> None:
        super().__init__(message)
        self.port_taken = port_taken


class ServerProcess:
    """One run of a server, from the moment it is made; the server inherits the data folder's open `lock`."""

    def __init__(self, launch: Launch, lock: int) -> None:
        self._launch = launch
        self._log = launch.folder / LOG
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        with open(self._log, "ab", opener=_open_private) as log:
            self._log_start = log.tell()
            self._child = _spawn(launch, lock, log.fileno())
        if stdin := self._child.stdin:
            # A child that is gone already is told of by `wait_until`.
            with suppress(BrokenPipeError), stdin:
                stdin.write(launch.stdin)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._child.pid

    def wait_until(self, ready: Callable[[], bool], deadline: float) -> None:
        """Return when the server is ready; raise when it ends first, or `deadline` seconds have passed."""
        until = time.monotonic() + deadline
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise EmbeddedError(f"{self._launch.name} was not ready in {deadline:.0f} seconds: see {self._log}")
            time.sleep(0.01)
        # What answered may have been another server that took our port in the same moment.
        self.check()

    def check(self) -> None:
        """Raise, with what the server said last, when it has ended."""
        status = self._child.poll()
        if status is None:
            return
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        said = self._said()
        telling = [line for line in said if TELLING.search(line)] or said or ["it said nothing"]
        raise ServerEndedError(
            f"{self._launch.name} has ended {how}: {telling[-1]} (all of it is in {self._log})",
            port_taken=any("address already in use" in line.lower() for line in said),
        )

    def tell_to_stop(self) -> None:
        """Send the stop signal, and return at once."""
        self._child.send_signal(self._launch.stop_signal)

    def stop(self, deadline: float = 30.0) -> None:
        """Stop the server; after `deadline` seconds kill it."""
        self.tell_to_stop()
        try:
            self._child.wait(deadline)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _said(self) -> list[str]:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return [line.strip() for line in lines if line.strip()]


def run_to_end(launch: Launch, lock: int) -> None:
    """Run a command that ends by itself; raise with its last words when it fails."""
    done = subprocess.run(  # noqa: S603  (our own words)
        launcher(launch),
        input=launch.stdin,
        capture_output=True,
        cwd=launch.folder,
        env=environment(),
        check=False,
        pass_fds=(lock,),
        start_new_session=True,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        telling = [line for line in said if "error" in line.lower() or TELLING.search(line)] or said[-1:]
        raise EmbeddedError(f"{launch.name} failed: {' '.join(telling[:1]) or f'status {done.returncode}'}")


def ask_version(binary: Path) -> str:
    """Give what a server binary says to `--version`; nothing when it does not run here."""
    try:
        done = subprocess.run(  # noqa: S603  (our own words)
            [binary, "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def launcher(launch: Launch) -> Sequence[str]:
    """Put the launcher, which ties a child to its parent, before a command."""
    # The kernel's way is told of the end of the *thread* that made the child, so it suits the main one only.
    by_kernel = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    account = f"{launch.account.uid}:{launch.account.gid}" if launch.account else ""
    # -I keeps this folder, which has a redis.py, off the launcher's import path.
    python = (sys.executable, "-I", "-S", str(LAUNCHER))
    how = (str(os.getpid()), str(int(launch.stop_signal)), "kernel" if by_kernel else "watcher", account)
    return (*python, *how, *launch.command)


def environment() -> dict[str, str]:
    """Give the servers' environment: none of ours, in which PG* variables and secrets may stand."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def free_port(preferred: int | None) -> int:
    """Find a free port on the loopback address: the preferred one if it can be had."""
    if preferred is not None:
        with suppress(OSError), socket.socket() as probe:
            # As the servers do, so that connections of the last run that still wind up are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", preferred))
            return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _spawn(launch: Launch, lock: int, log: int) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in a terminal is for us, who then stop workers before servers.
    return subprocess.Popen(  # noqa: S603  (our own words)
        launcher(launch),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=launch.folder,
        env=environment(),
        pass_fds=(lock,),
        start_new_session=True,
    )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
