"""Takes the database URL.

Gives connections to the record, and one error for "PostgreSQL is away".
Never holds a connection longer than the block that asked for it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import orjson

from herdbook.errors import RecordUnavailableError
from herdbook.observe.events import PoolUse

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"

# What asyncpg raises when the server is gone, going, starting, full or asks to try again (a deadlock, say),
# beside the operating system's own errors.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
)
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedFunctionError)
_CONNECT_TIMEOUT = 5.0
_COMMAND_TIMEOUT = 30.0
_PLAN_ONCE = {"plan_cache_mode": "force_generic_plan"}


class Database:
    """The connection pool of one process; connects on first use, so it can be made while PostgreSQL is away.

    With `plan_once` a statement is planned once, whatever it is asked: for a process that knows its jobs by their ids.
    To plan one for each batch takes as long as to carry it out for one job.
    """

    def __init__(self, database_url: str, *, size: int, application: str = "herdbook", plan_once: bool = False) -> None:
        self._url = database_url
        self._size = size
        self._session = {"application_name": application}
        self._session |= _PLAN_ONCE if plan_once else {}
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Make the pool; needs a running event loop, not a running PostgreSQL."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._size,
            timeout=_CONNECT_TIMEOUT,
            command_timeout=_COMMAND_TIMEOUT,
            init=_speak_json,
            reset=_keep,
            server_settings=self._session,
        )

    async def close(self) -> None:
        """Close the pool; connections still in use are ended."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @property
    def use(self) -> PoolUse:
        """How the pool is used at the moment."""
        pool = self._pool
        if pool is None:
            return PoolUse(open=0, idle=0, limit=self._size)
        return PoolUse(open=pool.get_size(), idle=pool.get_idle_size(), limit=self._size)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection, each statement its own transaction. Raises RecordUnavailableError when PostgreSQL is away."""
        if self._pool is None:
            raise RecordUnavailableError("the record is not open")
        with away_is_unavailable():
            async with self._pool.acquire(timeout=_CONNECT_TIMEOUT) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that commits at the end of the block, or rolls back on an error."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def outbox_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection outside the pool, for a relay: to listen, and to take from the outbox; the caller closes it.

        An outbox is empty most of the time, and when its statistics are made. A plan of that time would read
        all of it for each batch once it is full.
        """
        with away_is_unavailable():
            connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
                self._url,
                timeout=_CONNECT_TIMEOUT,
                command_timeout=_COMMAND_TIMEOUT,
                server_settings={**self._session, **_PLAN_ONCE, "enable_seqscan": "off"},
            )
            await _speak_json(connection)
        return connection


# What PostgreSQL refuses for the value itself. All its other errors are about the server or the schema.
REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class errors_are_unavailable:  # noqa: N801  (reads as a statement where it is used)
    """Turns every error of PostgreSQL that is no refusal into RecordUnavailableError: what is to be stored is fine."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, asyncpg.PostgresError) and not isinstance(error, REFUSALS):
            raise RecordUnavailableError(f"PostgreSQL cannot do it now: {error}") from error


class away_is_unavailable:  # noqa: N801  (reads as a statement where it is used)
    """Turns the many errors of an absent PostgreSQL into RecordUnavailableError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _NOT_MIGRATED):
            raise RecordUnavailableError("the record's tables are missing: run `herdbook migrate`") from error
        if isinstance(error, AWAY):
            raise RecordUnavailableError(f"PostgreSQL is away: {str(error) or type(error).__name__}") from error


async def _speak_json(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=lambda text: text, decoder=orjson.loads, schema="pg_catalog", format="text"
    )


async def _keep(connection: Connection) -> None:
    """A connection goes back as it is: nothing of ours changes its session, and to undo that is a round trip."""
