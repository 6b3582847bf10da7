"""Finds out which servers a command uses, from the environment or a running `herdbook up`, and opens the record."""

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


def environment_settings(data: Path | None = None, **more: Any) -> Settings:
    """The settings of the environment; arguments that are not None take precedence. Raises ConfigurationError."""
    given = {name: value for name, value in {"data": data, **more}.items() if value is not None}
    settings = Settings(**given)
    # Many programs unset a variable by setting it to nothing.
    urls = {name: getattr(settings, name.lower()) or None for name in _SCHEMES}
    for name, url in urls.items():
        if url is not None:
            _check_url(name, url, _SCHEMES[name])
    check_secret("HERDBOOK_WEBHOOK_SECRET", settings.webhook_secret)
    load_alerts(settings)
    return settings.model_copy(update={name.lower(): url for name, url in urls.items()})


def read_settings(data: Path | None = None, **more: Any) -> Settings:
    """The settings; URLs that are not set are those of a `herdbook up` that is running on the data folder."""
    return with_running_servers(environment_settings(data, **more))


def database_url(settings: Settings) -> str:
    """The URL of PostgreSQL; raises RecordUnavailableError when there is none."""
    if settings.database_url is None:
        raise RecordUnavailableError(_no_server("PostgreSQL", "DATABASE_URL", settings))
    return settings.database_url


def redis_url(settings: Settings) -> str:
    """The URL of Redis; raises QueueUnavailableError when there is none."""
    if settings.redis_url is None:
        raise QueueUnavailableError(_no_server("Redis", "REDIS_URL", settings))
    return settings.redis_url


@asynccontextmanager
async def open_record(
    settings: Settings, role: str, *, size: int | None = None, plan_once: bool = False
) -> AsyncIterator[Database]:
    """The record, open for the block; PostgreSQL lists its connections under `role`."""
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


def _no_server(name: str, variable: str, settings: Settings) -> str:
    folder = settings.data.absolute()
    return f"no {name}: set {variable} or start `herdbook up` (it is not running on {folder})"


def _check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{name} is invalid: {error}") from None
    if parts.scheme not in schemes:
        raise ConfigurationError(f"{name} must start with {' or '.join(f'{one}://' for one in schemes)}")
