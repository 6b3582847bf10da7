"""Databases for tests, copied from one with all migrations, and lent again once they are empty."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from herdbook.embedded import postgres
from herdbook.record.database import Database
from herdbook.record.migrate import migrate

# What a test may have changed beside rows.
_SCHEMA = """
SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid),
       (SELECT count(*) FROM pg_constraint WHERE connamespace = n.oid),
       (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid),
       (SELECT count(*) FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = n.oid)
FROM (SELECT to_regnamespace('herdbook') AS oid, to_regclass('herdbook.migrations') AS migrations) AS n
WHERE n.migrations IS NOT NULL
"""
_VERSIONS = "SELECT version FROM herdbook.migrations ORDER BY version"
_EMPTY = """
DO $$
DECLARE
    one text;
    has_rows boolean;
BEGIN
    FOR one IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'herdbook' AND tablename <> 'migrations'
    LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM herdbook.' || one || ')' INTO has_rows;
        IF has_rows THEN
            EXECUTE 'TRUNCATE herdbook.' || one || ' RESTART IDENTITY CASCADE';
        END IF;
    END LOOP;
END $$
"""
Shape = tuple[TupleRow | None, list[TupleRow]]


class DatabasePool:
    """The databases of a run. Emptying one is cheaper than most tests, making one is dearer."""

    def __init__(self, url: str) -> None:
        self._url = url
        # A server that is not ours may have databases of another run.
        self._run = f"herdbook_{uuid4().hex[:8]}"
        self._template = f"{self._run}_template"
        self._empty: list[str] = []
        self._admin = psycopg.connect(url, autocommit=True)
        self._admin.execute(f"CREATE DATABASE {self._template}".encode())
        asyncio.run(_migrate(self._url_of(self._template)))
        with psycopg.connect(self._url_of(self._template)) as template:
            self._pristine = _shape(template)

    def lend(self) -> str:
        """The URL of a database with all migrations and without a row."""
        return self._empty.pop() if self._empty else self._copy(self._template)

    def lend_bare(self) -> str:
        """The URL of a database without Herdbook's schema."""
        return self._copy("template1")

    def is_left(self, url: str) -> bool:
        """Whether nobody is connected to it any more; the server hears of a closed connection a little later."""
        found = self._admin.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [_name(url)])
        return found.fetchone() == (0,)

    def take_back(self, url: str) -> None:
        """Empty a database and keep it for another test, unless its schema was changed."""
        with psycopg.connect(url, autocommit=True) as owner:
            if _shape(owner) == self._pristine:
                owner.execute(_EMPTY)
                self._empty.append(url)

    def close(self) -> None:
        """Drop all databases of the run."""
        names = self._admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{self._run}_"])
        for (name,) in names.fetchall():
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        self._admin.close()

    def _copy(self, template: str) -> str:
        name = f"{self._run}_{uuid4().hex}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self._url_of(name)

    def _url_of(self, name: str) -> str:
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()


@contextmanager
def without_durability() -> Iterator[None]:
    """Embedded servers started inside need not outlive a power cut: nothing of a test does."""
    with pytest.MonkeyPatch.context() as patch:
        # Of two values for a setting, PostgreSQL takes the last.
        patch.setattr(postgres, "SETTINGS", (*postgres.SETTINGS, "fsync=off", "full_page_writes=off"))
        yield


def make_log_in_cheap(url: str) -> None:
    """Store the role's password with one SCRAM iteration; a test may open dozens of connections."""
    with psycopg.connect(url, autocommit=True) as owner:
        if owner.info.server_version >= 160_000:
            owner.execute("SET scram_iterations = 1")
        owner.execute(f"ALTER ROLE CURRENT_USER PASSWORD '{urlsplit(url).password}'".encode())


async def _migrate(url: str) -> None:
    database = Database(url, size=2)
    await database.open()
    await migrate(database)
    await database.close()


def _shape(connection: psycopg.Connection[TupleRow]) -> Shape:
    """What a schema looks like, and what it was migrated to; one without migrations has none."""
    schema = connection.execute(_SCHEMA).fetchone()
    return schema, connection.execute(_VERSIONS).fetchall() if schema else []


def _name(url: str) -> str:
    return urlsplit(url).path[1:]
