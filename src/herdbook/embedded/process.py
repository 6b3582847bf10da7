"""Runs a server as a child process that logs to a file and never outlives us."""

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
LOG_LIMIT = 5_000_000  # bytes; a longer log is rotated at the next start
SIGNIFICANT = re.compile(r"FATAL|PANIC|ERROR| # (?!WARNING)")
LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to run a program: `folder` is where it runs and logs, `account` is who runs it if not us."""

    name: str
    command: tuple[str, ...]
    folder: Path
    stop_signal: signal.Signals
    stdin: bytes = b""
    account: Account | None = None


class ServerEndedError(EmbeddedError):
    """A server exited when it should be running."""

    def __init__(self, message: str, *, port_taken: bool) -> None:
        super().__init__(message)
        self.port_taken = port_taken


class ServerProcess:
    """A running server, started by the constructor; it inherits the data folder's open `lock`."""

    def __init__(self, launch: Launch, lock: int) -> None:
        self._launch = launch
        self._log = launch.folder / LOG
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        with open(self._log, "ab", opener=_open_private) as log:
            self._log_start = log.tell()
            self._child = _spawn(launch, lock, log.fileno())
        if stdin := self._child.stdin:
            # If the child has already exited, `wait_until` reports it.
            with suppress(BrokenPipeError), stdin:
                stdin.write(launch.stdin)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._child.pid

    def wait_until(self, ready: Callable[[], bool], deadline: float) -> None:
        """Return once the server is ready; raises EmbeddedError if it exits first or after `deadline` seconds."""
        until = time.monotonic() + deadline
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise EmbeddedError(f"{self._launch.name} was not ready in {deadline:.0f} seconds: see {self._log}")
            time.sleep(0.01)
        # The answer may have come from another server that took our port at the same moment.
        self.check()

    def check(self) -> None:
        """Raise ServerEndedError, with the last significant log line, if the server has exited."""
        status = self._child.poll()
        if status is None:
            return
        how = f"on {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        lines = self._log_lines()
        significant = [line for line in lines if SIGNIFICANT.search(line)] or lines or ["it logged nothing"]
        raise ServerEndedError(
            f"{self._launch.name} has exited {how}: {significant[-1]} (the full log is in {self._log})",
            port_taken=any("address already in use" in line.lower() for line in lines),
        )

    def signal_stop(self) -> None:
        """Send the stop signal, and return at once."""
        self._child.send_signal(self._launch.stop_signal)

    def stop(self, deadline: float = 30.0) -> None:
        """Stop the server; kill it after `deadline` seconds."""
        self.signal_stop()
        try:
            self._child.wait(deadline)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _log_lines(self) -> list[str]:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return [line.strip() for line in lines if line.strip()]


def run_to_end(launch: Launch, lock: int) -> None:
    """Run a command that exits by itself; raises EmbeddedError with its error output if it fails."""
    done = subprocess.run(  # noqa: S603  (the command is ours)
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
        lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        significant = [line for line in lines if "error" in line.lower() or SIGNIFICANT.search(line)] or lines[-1:]
        raise EmbeddedError(f"{launch.name} failed: {' '.join(significant[:1]) or f'status {done.returncode}'}")


def ask_version(binary: Path) -> str:
    """The output of a server binary's `--version`; empty if it does not run here."""
    try:
        done = subprocess.run(  # noqa: S603  (the command is ours)
            [binary, "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def launcher(launch: Launch) -> Sequence[str]:
    """The command with the launcher, which ties a child to its parent, in front of it."""
    # The kernel reports the end of the *thread* that created the child, so this works in the main thread only.
    by_kernel = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    account = f"{launch.account.uid}:{launch.account.gid}" if launch.account else ""
    # -I keeps this folder, which has a redis.py, off the launcher's import path.
    python = (sys.executable, "-I", "-S", str(LAUNCHER))
    how = (str(os.getpid()), str(int(launch.stop_signal)), "kernel" if by_kernel else "watcher", account)
    return (*python, *how, *launch.command)


def environment() -> dict[str, str]:
    """The servers' environment, without ours, which may contain PG* variables and secrets."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def free_port(preferred: int | None) -> int:
    """A free port on the loopback address: the preferred one if it is available."""
    if preferred is not None:
        with suppress(OSError), socket.socket() as probe:
            # As the servers do, so that lingering connections of the last run do not block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", preferred))
            return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _spawn(launch: Launch, lock: int, log: int) -> subprocess.Popen[bytes]:
    # A separate session, so that Ctrl-C in a terminal reaches only us, and we stop workers before servers.
    return subprocess.Popen(  # noqa: S603  (the command is ours)
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
