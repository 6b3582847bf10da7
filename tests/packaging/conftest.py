"""An application, and the test's own servers in the environment of its commands."""

from pathlib import Path

import pytest

from herdbook.settings import Settings
from tests.cli.conftest import APP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an application."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    return tmp_path


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    return {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "HERDBOOK_DATA": str(settings.data),
    }
