"""The previous release and this version run side by side on the tables between the two, as UPGRADING.md promises."""

import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.databases import DatabasePool

from .environments import ROOT, build, call, install, working

# The commit of the last release; a release writes its own here.
PREVIOUS = Path(__file__).with_name("previous_release.txt").read_text(encoding="utf-8").strip()
THIS = Path(sys.executable)


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the previous release."""
    archive = subprocess.run(["git", "archive", PREVIOUS], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"the history lacks {PREVIOUS}, the previous release: fetch it with `git fetch --unshallow`")
    source = tmp_path_factory.mktemp("source")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(source, filter="data")
    wheel = build(source, tmp_path_factory.mktemp("wheel"))
    return install(str(wheel), tmp_path_factory.mktemp("previous"), source / "requirements.lock")


async def doubled(python: Path, folder: Path, number: int, variables: dict[str, str]) -> int:
    """The result of a job that this version or the previous one published."""
    job = ("publish", "double", f'{{"n": {number}}}', "--app", "app:book", "--wait")
    code, out, err = await call(python, folder, *job, **variables)
    assert code == 0, err
    return int(out)


async def test_an_upgrade_needs_no_pause(
    previous: Path, folder: Path, variables: dict[str, str], databases: DatabasePool
) -> None:
    variables["DATABASE_URL"] = databases.lend_bare()
    assert (await call(previous, folder, "migrate", **variables))[0] == 0
    async with working(previous, folder, variables):
        assert await doubled(previous, folder, 1, variables) == 2
        code, _, err = await call(THIS, folder, "migrate", **variables)
        assert code == 0, err
        assert await doubled(previous, folder, 2, variables) == 4
        assert await doubled(THIS, folder, 3, variables) == 6
    async with working(THIS, folder, variables):
        assert await doubled(previous, folder, 4, variables) == 8
