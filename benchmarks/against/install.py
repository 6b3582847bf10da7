"""Installs the systems that are compared, each into an environment of its own, at the first use; never into ours."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.against.systems import SYSTEMS, System

PEERS = Path(__file__).with_name("peers")
READY = ".ready"


class NotAvailableError(Exception):
    """A system cannot be installed on this machine; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a system's program is started, the package and version that it measures, and the language that it runs on."""

    words: tuple[str, ...]
    folder: Path
    version: str
    language: str


def installed(system: System) -> Program:
    """The system's program; raises NotAvailableError when it cannot be had here."""
    return _node_program(system) if system.is_node else _python_program(system)


def cache() -> Path:
    """Where environments are kept: HERDBOOK_BENCH_CACHE, or a folder in the user's cache."""
    given = os.environ.get("HERDBOOK_BENCH_CACHE")
    return Path(given).absolute() if given else Path.home() / ".cache" / "herdbook-bench"


def _python_program(system: System) -> Program:
    python, told = sys.executable, ""
    if system.packages:
        base = _interpreter(system.python)
        folder = _folder(system.name, _ask(base, "--version"), *system.packages)
        python, told = str(folder / "bin" / "python"), _pinned(system, "==")
        if not (folder / READY).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _ask(base, "-m", "venv", str(folder))
            _ask(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *system.packages)
            (folder / READY).touch()
    return Program(
        words=(python, system.program),
        folder=PEERS,
        version=told or f"herdbook {version('herdbook')}",
        language=_ask(python, "--version"),
    )


def _node_program(system: System) -> Program:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotAvailableError("there is no Node with npm on the PATH")
    packages = sorted({package for other in SYSTEMS if other.is_node for package in other.packages})
    folder = _folder("node", *packages)
    if not (folder / READY).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        _ask(npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), *packages)
        (folder / READY).touch()
    # Node looks for a program's packages beside the program.
    for program in PEERS.glob("*.mjs"):
        shutil.copy(program, folder)
    return Program(
        words=(node, system.program),
        folder=folder,
        version=_pinned(system, "@"),
        language=f"Node {_ask(node, '--version').removeprefix('v')}",
    )


def _pinned(system: System, sign: str) -> str:
    """Name and version of the first package, without its extras."""
    name, _, number = system.packages[0].rpartition(sign)
    return f"{name.partition('[')[0]} {number}"


def _folder(name: str, *makes: str) -> Path:
    """A folder of its own for each set of versions, so that a changed pin is installed anew."""
    return cache() / f"{name}-{hashlib.sha256(' '.join(makes).encode()).hexdigest()[:8]}"


def _interpreter(oldest: tuple[int, int]) -> str:
    """Ours when it is new enough, as nearly all peers have it; else the newest that is found."""
    if sys.version_info >= oldest:
        return sys.executable
    for candidate in _interpreters(oldest):
        try:
            _ask(candidate, "--version")
        except NotAvailableError:
            # A version manager's stand-in for an interpreter that is not chosen.
            continue
        return candidate
    raise NotAvailableError(f"it needs Python {oldest[0]}.{oldest[1]}, and there is none on the PATH")


def _interpreters(oldest: tuple[int, int]) -> Iterator[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(oldest[1] + 5, oldest[1] - 1, -1):
        on_path = shutil.which(f"python3.{minor}")
        if on_path:
            yield on_path
        yield from (str(path) for path in pyenv.glob(f"3.{minor}.*/bin/python3"))


def _ask(*words: str) -> str:
    """What a command prints; raises NotAvailableError with its last line when it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotAvailableError(str(error)) from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no word why").splitlines()
        raise NotAvailableError(f"`{Path(words[0]).name} {' '.join(words[1:3])} …` failed: {lines[-1]}")
    return done.stdout.strip()
