"""Takes the environment and the data folder.

Gives a command its settings, with the URLs of the servers to use, and the record.
Never starts a server.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from herdbook.alerting import load_alerts
from herdbook.alerting.signing import check_secret
from herdbook.app import with_running_servers
from herdbook.errors import ConfigurationError, QueueUnavailableError, RecordUnavailableError
from herdbook.record.database import Database
from herdbook.settings import Settings

_SCHEMES = {
    "DATABASE_URL": ("postgresql", "postgres"),
    "REDIS_URL": ("redis", "rediss", "unix"),
    "SMTP_URL": ("smtp", "smtps"),
}


def given_settings(data: Path | None = None, **more: Any) -> Settings:
    """The settings of the environment; what is given here, and not None, goes first. Raises ConfigurationError."""
    given = {name: value for name, value in {"data": data, **more}.items() if value is not None}
    settings = Settings(**given)
    # A variable that is set to nothing is how many programs say that it is not set.
    urls = {name: getattr(settings, name.lower()) or None for name in _SCHEMES}
    for name, url in urls.items():
        if url is not None:
            _check_url(name, url, _SCHEMES[name])
    check_secret("HERDBOOK_WEBHOOK_SECRET", settings.webhook_secret)
    load_alerts(settings)
    return settings.model_copy(update={name.lower(): url for name, url in urls.items()})


def read_settings(data: Path | None = None, **more: Any) -> Settings:
    """The settings, with the URLs that are not set taken from an `up` that runs on the data folder."""
    return with_running_servers(given_settings(data, **more))


def database_url(settings: Settings) -> str:
    """The record's URL; raises RecordUnavailableError when there is none."""
    if settings.database_url is None:
        raise RecordUnavailableError(
            f"no PostgreSQL: set DATABASE_URL, or start `herdbook up` (none runs on {settings.data.absolute()})"
        )
    return settings.database_url


def redis_url(settings: Settings) -> str:
    """The queues' URL; raises QueueUnavailableError when there is none."""
    if settings.redis_url is None:
        raise QueueUnavailableError(
            f"no Redis: set REDIS_URL, or start `herdbook up` (none runs on {settings.data.absolute()})"
        )
    return settings.redis_url


@asynccontextmanager
async def open_record(
    settings: Settings, role: str, *, size: int | None = None, plan_once: bool = False
) -> AsyncIterator[Database]:
    """The record, for as long as the block lasts; `role` is what PostgreSQL lists the connections as."""
    database = Database(
        database_url(settings),
        size=size or settings.pool_size,
        application=f"herdbook {role}",
        plan_once=plan_once,
    )
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def _check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{name} cannot be used: {error}") from None
    if parts.scheme not in schemes:
        raise ConfigurationError(f"{name} must begin with {' or '.join(f'{one}://' for one in schemes)}")
