"""Runs our statements on a psycopg, asyncpg or SQLAlchemy connection of the caller, inside its open transaction.

It never begins, commits or rolls back.
"""

import re
from collections.abc import Sequence
from inspect import iscoroutinefunction
from typing import Any, Protocol

from herdbook.errors import ConfigurationError

_PARAMETER = re.compile(r"\$(\d+)")
Rows = list[dict[str, Any]]


class AsyncpgConnection(Protocol):
    """An asyncpg connection, or one from its pool; not the pool itself, which has no transaction."""

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""

    async def fetch(self, query: str, /, *args: Any) -> list[Any]:
        """Run a statement."""


class PsycopgAsyncConnection(Protocol):
    """A `psycopg.AsyncConnection`."""

    @property
    def pgconn(self) -> Any:
        """The connection of libpq."""

    async def commit(self) -> None:
        """End the transaction."""


class SqlalchemyAsyncConnection(Protocol):
    """SQLAlchemy's `AsyncConnection` or `AsyncSession`."""

    def in_nested_transaction(self) -> bool:
        """Whether a savepoint is open."""

    async def commit(self) -> None:
        """End the transaction."""


class PsycopgConnection(Protocol):
    """A `psycopg.Connection`."""

    @property
    def pgconn(self) -> Any:
        """The connection of libpq."""

    def commit(self) -> None:
        """End the transaction."""


class SqlalchemyConnection(Protocol):
    """SQLAlchemy's `Connection` or `Session`."""

    def in_nested_transaction(self) -> bool:
        """Whether a savepoint is open."""

    def commit(self) -> None:
        """End the transaction."""


# Protocols, so that type-checking a program does not require all three libraries.
UserConnection = AsyncpgConnection | PsycopgAsyncConnection | SqlalchemyAsyncConnection
UserSyncConnection = PsycopgConnection | SqlalchemyConnection


async def execute_in(connection: Any, sql: str, parameters: Sequence[Any]) -> Rows:
    """Run a statement with `$1`-style parameters on an asynchronous connection of any of these kinds."""
    match _kind(connection, is_async=True):
        case "asyncpg":
            return [dict(row) for row in await connection.fetch(sql, *parameters)]
        case "psycopg":
            from psycopg import AsyncRawCursor
            from psycopg.rows import dict_row

            cursor = AsyncRawCursor(connection, row_factory=dict_row)
            await cursor.execute(sql, list(parameters))
            return await cursor.fetchall()
        case _:
            result = await connection.execute(*_sqlalchemy(sql, parameters))
            return [dict(row) for row in result.mappings()]


def execute_sync_in(connection: Any, sql: str, parameters: Sequence[Any]) -> Rows:
    """The same on a synchronous psycopg or SQLAlchemy connection."""
    if _kind(connection, is_async=False) == "psycopg":
        from psycopg import RawCursor
        from psycopg.rows import dict_row

        cursor = RawCursor(connection, row_factory=dict_row)
        cursor.execute(sql, list(parameters))
        return cursor.fetchall()
    return [dict(row) for row in connection.execute(*_sqlalchemy(sql, parameters)).mappings()]


def _kind(connection: Any, *, is_async: bool) -> str:
    """The library of the connection; raises for pools and engines, which would commit the job at once."""
    for ancestor in type(connection).__mro__:
        package = ancestor.__module__.partition(".")[0]
        if package == "asyncpg" and is_async and hasattr(connection, "is_in_transaction"):
            return package
        commit = getattr(connection, "commit", None)
        if package in ("psycopg", "sqlalchemy") and commit and iscoroutinefunction(commit) == is_async:
            return package
    wanted = "an asynchronous asyncpg, psycopg" if is_async else "a synchronous psycopg"
    raise ConfigurationError(
        f"connection= takes {wanted} or SQLAlchemy connection here, not {type(connection).__qualname__}"
    )


def _sqlalchemy(sql: str, parameters: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
    from sqlalchemy import text

    named = _PARAMETER.sub(r":p\1", sql)
    return text(named), {f"p{index}": value for index, value in enumerate(parameters, start=1)}
