"""The migrations of this version, and how the tables in a database compare with them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from herdbook.errors import RecordUnavailableError
from herdbook.model.health import missing_migrations
from herdbook.record.sql import statement

if TYPE_CHECKING:
    from herdbook.record.database import Connection

_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_HEADER = re.compile(r"-- herdbook: (.+)")
_CONTRACT, _NO_TRANSACTION = "contract", "no transaction"
_BLANK_LINES = re.compile(r"\n\s*\n")


class SchemaMismatchError(RecordUnavailableError):
    """The tables are not those that this version needs."""

    def __init__(self, message: str, *, too_new: bool) -> None:
        super().__init__(message)
        self.too_new = too_new


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered step of the schema.

    A contract removes what the previous version needs; every other migration leaves that version working.
    """

    version: int
    name: str
    sql: str
    is_contract: bool = False
    in_transaction: bool = True

    def __str__(self) -> str:
        return f"{self.version:04} {self.name}"

    @property
    def statements(self) -> list[str]:
        """What to send at once: all of it in a transaction, otherwise each paragraph."""
        if self.in_transaction:
            return [self.sql]
        paragraphs = _BLANK_LINES.split(self.sql.strip())
        return [one for one in paragraphs if not all(line.startswith("--") for line in one.splitlines())]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """What this version knows and the database lacks, in order, and whether the database has anything yet.

    `too_new` is the newest contract of the database that this version does not know. Other unknown migrations are
    those of a newer version, beside which this one keeps working.
    """

    missing: Sequence[Migration]
    is_empty: bool
    too_new: int | None

    @property
    def needed(self) -> list[Migration]:
        """The missing migrations without which this version does not work."""
        return [one for one in self.missing if not one.is_contract]

    @property
    def contracts(self) -> list[Migration]:
        """The missing contracts, which can wait."""
        return [one for one in self.missing if one.is_contract]

    def mismatch(self) -> SchemaMismatchError | None:
        """Why this version cannot work with the tables."""
        if self.too_new is not None:
            message = f"the tables are too new for this version of Herdbook (migration {self.too_new:04}): upgrade it"
            return SchemaMismatchError(message, too_new=True)
        if self.needed:
            return SchemaMismatchError(f"{missing_migrations(len(self.needed))}: run `herdbook migrate`", too_new=False)
        return None


def read_migration(file_name: str, sql: str) -> Migration | None:
    """The migration in a file; None if its name is not that of one. Raises ValueError for an unknown header."""
    match = _FILE_NAME.fullmatch(file_name)
    if match is None:
        return None
    header = _HEADER.match(sql)
    words = set(header[1].split(", ")) if header else set()
    if unknown := words - {_CONTRACT, _NO_TRANSACTION}:
        raise ValueError(f"{file_name}: unknown {sorted(unknown)}")
    return Migration(
        version=int(match[1]),
        name=match[2],
        sql=sql,
        is_contract=_CONTRACT in words,
        in_transaction=_NO_TRANSACTION not in words,
    )


@cache
def known_migrations() -> Sequence[Migration]:
    """The migrations inside this package, in order."""
    folder = files(__package__).joinpath("migrations")
    read = [read_migration(file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir()]
    return sorted((one for one in read if one is not None), key=lambda migration: migration.version)


async def compare_schema(connection: "Connection") -> SchemaState:
    """How the tables in the database compare with this version."""
    known = known_migrations()
    if await connection.fetchval("SELECT to_regclass('herdbook.migrations')") is None:
        return SchemaState(missing=known, is_empty=True, too_new=None)
    applied = {row["version"]: row["is_contract"] for row in await connection.fetch(statement("read_migrations"))}
    unknown = applied.keys() - {one.version for one in known}
    return SchemaState(
        missing=[one for one in known if one.version not in applied],
        is_empty=not applied,
        too_new=max((version for version in unknown if applied[version]), default=None),
    )
