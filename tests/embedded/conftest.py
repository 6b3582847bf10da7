"""Data folders for the tests of the embedded servers."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.embedded.account import account_for
from herdbook.embedded.folder import DataFolder
from herdbook.embedded.postgres import prepare_postgres


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder to be made, at a long path with spaces; an ordinary account can pass through to it."""
    with tempfile.TemporaryDirectory(prefix="herdbook ", dir="/tmp") as root:
        Path(root).chmod(0o755)
        yield Path(root) / f"a data folder {'with a long name ' * 6}"


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """PostgreSQL's part of a data folder with a fresh cluster: making one takes most of a start."""
    with tempfile.TemporaryDirectory(prefix="herdbook ", dir="/tmp") as root:
        Path(root).chmod(0o755)
        folder = DataFolder(Path(root) / "data")
        folder.lock()
        prepare_postgres(folder.path / "postgres", folder.lock_descriptor)
        folder.unlock()
        yield folder.path / "postgres"


@pytest.fixture
def data_with_cluster(data: Path, made: Path) -> Path:
    """A data folder in which PostgreSQL has run before."""
    shutil.copytree(made / "cluster", data / "postgres" / "cluster")
    shutil.copy(made / "password", data / "postgres" / "password")
    account = account_for(made / "cluster")
    if account:
        account.own(data / "postgres" / "cluster")
    return data


@pytest.fixture
def locked(data: Path) -> Iterator[DataFolder]:
    """The data folder, made and locked."""
    folder = DataFolder(data)
    folder.lock()
    yield folder
    folder.unlock()
