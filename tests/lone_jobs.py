"""Job contexts for processors that run without a queue."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apprise
import pytest

from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.model.ids import new_job_id

MakeJob = Callable[..., JobContext]


@pytest.fixture(scope="session", autouse=True)
def apprise_is_loaded() -> None:
    """Load Apprise's plugins, which it does on first use; one of them imports the deprecated `imghdr`, which warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        apprise.Apprise.instantiate("json://localhost")


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    """The store for the artifacts of the test's jobs."""
    return FolderArtifacts(tmp_path / "artifacts")


@pytest.fixture
def make_job(artifacts: FolderArtifacts) -> MakeJob:
    """A function that creates the context of an attempt; `reported` is the progress of earlier attempts."""

    def make(reported: Any = None, attempt: int = 1) -> JobContext:
        return JobContext(
            id=new_job_id(),
            job_type="test",
            queue="test",
            attempt=attempt,
            reported=reported,
            artifacts=artifacts,
        )

    return make


@pytest.fixture
def job(make_job: MakeJob) -> JobContext:
    """The context of a first attempt."""
    return make_job()
