"""What `import herdbook` brings, and what a Herdbook shows."""

import inspect
import re
import tomllib
from pathlib import Path

import herdbook
from herdbook import Herdbook, HerdbookError, Registry, Settings

ROOT = Path(__file__).parents[1]


def test_a_herdbook_shows_its_own_verbs_and_its_registry_alone() -> None:
    shown = {name for name in dir(Herdbook()) if not name.startswith("_")}
    verbs = {"processor", "declare", "publish", "publish_sync", "publish_bulk", "job", "wait", "close"}
    assert shown == verbs | {"registry"}
    assert not isinstance(Herdbook(), Registry)


def test_its_job_types_are_those_of_the_registry_that_it_is_given() -> None:
    registry = Registry()
    book = Herdbook(Settings(), registry=registry)
    book.declare("ours", dict)
    registry.declare("later", dict)
    assert book.registry is registry
    assert {one.name for one in book.registry} == {"ours", "later"}


def test_it_declares_as_a_registry_does() -> None:
    for verb in ("processor", "declare"):
        assert inspect.signature(getattr(Herdbook, verb)) == inspect.signature(getattr(Registry, verb))


def test_every_public_name_is_there_and_described() -> None:
    for name in herdbook.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(herdbook, name)), name


def test_every_public_name_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    missing = [name for name in herdbook.__all__ if not re.search(rf"\b{name}\b", reference)]
    assert missing == ["__version__"]


def test_every_error_that_a_caller_may_get_is_public() -> None:
    """Those left out are the front doors' own: operators' actions, migrations, processes, embedded servers."""
    from herdbook import errors
    from herdbook.model import signals

    everything = {
        name
        for module in (errors, signals)
        for name, found in vars(module).items()
        if inspect.isclass(found) and issubclass(found, HerdbookError) and found.__module__ == module.__name__
    }
    inside = {"JobStateError", "MigrationError", "OperationNotFoundError", "QueueNotFoundError", "UnrecordableResult"}
    assert everything - set(herdbook.__all__) == inside


def test_the_version_stands_in_one_place() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in written["project"]
    assert written["tool"]["hatch"]["version"] == {"path": "src/herdbook/__init__.py"}
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.dev\d+)?", herdbook.__version__)
