"""Runs our statements on a psycopg, asyncpg or SQLAlchemy connection of the caller, inside its open transaction.

It never begins, commits or rolls back.
"""

import re
from collections.abc import Sequence
from typing import Any

from herdbook.errors import ConfigurationError

_PARAMETER = re.compile(r"\$(\d+)")
Rows = list[dict[str, Any]]


async def execute_in(connection: Any, sql: str, parameters: Sequence[Any]) -> Rows:
    """Run a statement with `$1`-style parameters on an asynchronous connection of any of these kinds."""
    match _kind(connection):
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
    if _kind(connection) == "psycopg":
        from psycopg import RawCursor
        from psycopg.rows import dict_row

        cursor = RawCursor(connection, row_factory=dict_row)
        cursor.execute(sql, list(parameters))
        return cursor.fetchall()
    return [dict(row) for row in connection.execute(*_sqlalchemy(sql, parameters)).mappings()]


def _kind(connection: Any) -> str:
    for ancestor in type(connection).__mro__:
        package = ancestor.__module__.partition(".")[0]
        if package in ("asyncpg", "psycopg", "sqlalchemy"):
            return package
    raise ConfigurationError(
        f"connection= takes a psycopg, asyncpg or SQLAlchemy connection, not {type(connection).__qualname__}"
    )


def _sqlalchemy(sql: str, parameters: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
    from sqlalchemy import text

    named = _PARAMETER.sub(r":p\1", sql)
    return text(named), {f"p{index}": value for index, value in enumerate(parameters, start=1)}
