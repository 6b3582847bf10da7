"""Servers of a test's own, for tests that stop them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.embedded import EmbeddedServers


@pytest.fixture
def own_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="herdbook-own-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def own_redis(own_folder: Path) -> Iterator[EmbeddedServers]:
    """A Redis that the test may stop and start again; it keeps its port and its data."""
    with EmbeddedServers(own_folder / "redis", postgres=False) as servers:
        yield servers


@pytest.fixture
def own_postgres(own_folder: Path) -> Iterator[EmbeddedServers]:
    """A PostgreSQL that the test may stop and start again; it keeps its port and its data."""
    with EmbeddedServers(own_folder / "postgres", redis=False) as servers:
        yield servers
