"""Connections to PostgreSQL, with one error for an unreachable server."""

import errno
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import orjson

from herdbook.errors import RecordUnavailableError
from herdbook.observe.events import PoolUse
from herdbook.record.schema import compare_schema
from herdbook.record.sql import statement

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"

# What a lost connection raises, and asyncpg when the server is down, stopping, starting, full or wants the
# transaction retried (after a deadlock, say).
UNAVAILABLE = (
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    # A migration added a column that a prepared statement reads: it is prepared again.
    asyncpg.InvalidCachedStatementError,
)
# The network's errors without a class of their own. Any other error of the operating system is not about PostgreSQL,
# unless it was raised while connecting: there it may be a socket's missing file, or one error made of several.
_NETWORK_ERRORS = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ENETRESET}
# What a statement raises whose table, column, type or function the database does not have, or not any more.
_UNDEFINED = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedObjectError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)
_CONNECT_TIMEOUT = 5.0
_COMMAND_TIMEOUT = 30.0
# Seconds between two looks at the migrations: a contract may be applied while an older version still runs.
_CHECK_INTERVAL = 30.0
_PLAN_ONCE = {"plan_cache_mode": "force_generic_plan"}


class Database:
    """The connection pool of one process; connects on first use, so it can be created while PostgreSQL is down.

    With `plan_once`, a statement is planned once, whatever its parameters. That suits a process that finds its jobs
    by id: planning a statement for each batch takes as long as executing it for one job.
    """

    def __init__(self, database_url: str, *, size: int, application: str = "herdbook", plan_once: bool = False) -> None:
        self._url = database_url
        self._size = size
        self._session = {"application_name": application}
        self._session |= _PLAN_ONCE if plan_once else {}
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        # When to look again whether the tables fit, on the monotonic clock.
        self._next_check = 0.0

    async def open(self) -> None:
        """Create the pool; needs a running event loop, not a running PostgreSQL."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._size,
            timeout=_CONNECT_TIMEOUT,
            command_timeout=_COMMAND_TIMEOUT,
            init=_decode_jsonb,
            reset=_skip_reset,
            server_settings=self._session,
        )

    async def close(self) -> None:
        """Close the pool, including connections in use."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @property
    def use(self) -> PoolUse:
        """The pool's current use."""
        pool = self._pool
        if pool is None:
            return PoolUse(open=0, idle=0, limit=self._size)
        return PoolUse(open=pool.get_size(), idle=pool.get_idle_size(), limit=self._size)

    @asynccontextmanager
    async def connection(self, *, any_schema: bool = False) -> AsyncIterator[Connection]:
        """A connection without a transaction.

        Raises RecordUnavailableError if PostgreSQL is unreachable, and SchemaMismatchError if this version cannot work
        with its tables, unless the caller takes `any_schema`.
        """
        if self._pool is None:
            raise RecordUnavailableError("the database is not open")
        with raises_record_unavailable(connecting=True):
            connection = await self._pool.acquire(timeout=_CONNECT_TIMEOUT)
        with raises_record_unavailable():
            try:
                if not any_schema and time.monotonic() >= self._next_check:
                    await _check_schema(connection)
                    self._next_check = time.monotonic() + _CHECK_INTERVAL
                yield connection
            finally:
                await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that commits at the end of the block, or rolls back on an error."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def outbox_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection outside the pool, on which a relay listens and takes from the outbox; the caller closes it.

        The outbox is empty most of the time, also when PostgreSQL gathers its statistics. A plan based on those
        would scan a full outbox once per batch. Raises as `connection` does.
        """
        async with self._connect(_COMMAND_TIMEOUT, {**_PLAN_ONCE, "enable_seqscan": "off"}) as connection:
            await _check_schema(connection)
            await _decode_jsonb(connection)
        return connection

    async def migration_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection outside the pool whose statements may take as long as they need; the caller closes it."""
        async with self._connect(None, {}) as connection:
            await connection.fetch(statement("lift_time_limits"))
        return connection

    @asynccontextmanager
    async def _connect(
        self, command_timeout: float | None, session: dict[str, str]
    ) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection outside the pool, closed if its preparation in the block fails."""
        with raises_record_unavailable(connecting=True):
            connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
                self._url,
                timeout=_CONNECT_TIMEOUT,
                command_timeout=command_timeout,
                server_settings={**self._session, **session},
            )
            try:
                yield connection
            except BaseException:
                connection.terminate()
                raise


# Errors about the values themselves. All other errors of PostgreSQL are about the server or the schema.
REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class errors_are_unavailable:  # noqa: N801  (reads as a statement where it is used)
    """Turns errors of PostgreSQL that are not about the values into RecordUnavailableError, so the caller retries."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, asyncpg.PostgresError) and not isinstance(error, REFUSALS):
            raise RecordUnavailableError(f"PostgreSQL is unavailable: {error}") from error


class raises_record_unavailable:  # noqa: N801  (reads as a statement where it is used)
    """Turns the many errors of an unreachable PostgreSQL into RecordUnavailableError."""

    __slots__ = ("_connecting",)

    def __init__(self, *, connecting: bool = False) -> None:
        self._connecting = connecting

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _UNDEFINED):
            raise RecordUnavailableError(
                f"the tables are not those of this version of Herdbook ({error}): run `herdbook migrate`"
            ) from error
        if isinstance(error, UNAVAILABLE) or (
            isinstance(error, OSError) and (self._connecting or error.errno in _NETWORK_ERRORS)
        ):
            raise RecordUnavailableError(f"PostgreSQL is unreachable: {str(error) or type(error).__name__}") from error


async def _check_schema(connection: Connection) -> None:
    """Raise SchemaMismatchError if this version cannot work with the tables."""
    mismatch = (await compare_schema(connection)).mismatch()
    if mismatch is not None:
        raise mismatch


async def _decode_jsonb(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=lambda text: text, decoder=orjson.loads, schema="pg_catalog", format="text"
    )


async def _skip_reset(connection: Connection) -> None:
    """Return a connection as it is: we never change its session, and a reset would cost a round trip."""
