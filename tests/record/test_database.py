"""Which errors mean that PostgreSQL is unreachable."""

import errno
from pathlib import Path

import pytest

from herdbook.errors import RecordUnavailableError
from herdbook.record.database import Database


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "read_job.sql"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
async def test_an_error_of_the_operating_system_that_is_not_the_networks_is_itself(
    database: Database, error: OSError
) -> None:
    with pytest.raises(type(error)) as found:
        async with database.transaction():
            raise error
    assert found.value is error
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        TimeoutError(),
    ],
)
async def test_an_error_of_the_network_means_that_postgresql_is_unreachable(database: Database, error: OSError) -> None:
    with pytest.raises(RecordUnavailableError, match="PostgreSQL is unreachable"):
        async with database.connection():
            raise error


@pytest.mark.parametrize("url", ["postgresql://localhost:1/none", "postgresql:///none?host={folder}"])
async def test_whatever_goes_wrong_while_connecting_means_that_it_is_unreachable(url: str, tmp_path: Path) -> None:
    database = Database(url.format(folder=tmp_path), size=1)
    await database.open()
    with pytest.raises(RecordUnavailableError, match="PostgreSQL is unreachable"):
        async with database.connection():
            pass
    with pytest.raises(RecordUnavailableError, match="PostgreSQL is unreachable"):
        await database.outbox_connection()
    await database.close()
