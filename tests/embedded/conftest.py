"""Data folders for the tests of the embedded servers."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from herdbook.embedded.folder import DataFolder
from herdbook.embedded.postgres import prepare_postgres


@contextmanager
def new_data() -> Iterator[Path]:
    """The path of a new data folder, long and with spaces; ordinary accounts can pass through to it."""
    with tempfile.TemporaryDirectory(prefix="herdbook ", dir="/tmp") as root:
        Path(root).chmod(0o755)
        yield Path(root) / f"a data folder {'with a long name ' * 6}"


@contextmanager
def lock(data: Path) -> Iterator[DataFolder]:
    """A locked data folder."""
    folder = DataFolder(data)
    folder.lock()
    try:
        yield folder
    finally:
        folder.unlock()


@pytest.fixture
def data() -> Iterator[Path]:
    """The path of a new data folder for one test."""
    with new_data() as data:
        yield data


@pytest.fixture(scope="session")
def used_data() -> Iterator[Path]:
    """A data folder with a cluster, shared by tests because creating one takes most of a first start."""
    with new_data() as data:
        with lock(data) as folder:
            prepare_postgres(data / "postgres", folder.lock_descriptor)
        yield data


@pytest.fixture
def locked(data: Path) -> Iterator[DataFolder]:
    """A new data folder, locked."""
    with lock(data) as folder:
        yield folder


@pytest.fixture
def locked_used(used_data: Path) -> Iterator[DataFolder]:
    """The shared data folder, locked."""
    with lock(used_data) as folder:
        yield folder
