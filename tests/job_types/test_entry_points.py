"""Installed packages bring job types; what is wrong with one is told by its name."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from herdbook import ConfigurationError, Registry, Settings, UnknownJobTypeError
from herdbook.job_types.assembly import build_registry, log_missing
from herdbook.record.database import Database

Install = Callable[..., None]

SHOP = """
from herdbook import RecordReader, Registry, Settings

registry = Registry()

@registry.processor("pack", queue="orders")
async def pack(payload: dict[str, int]) -> None: ...

def job_types(settings: Settings, record: RecordReader) -> Registry:
    found = Registry()
    found.declare("label", dict, queue=settings.queue_prefix)
    assert callable(record.summarise)
    return found
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs packages as pip would: a module, and what it says of itself."""
    site = tmp_path / "site"

    def install(package: str, module: str, text: str, **points: str) -> None:
        sys.modules.pop(module, None)
        about = site / f"{package.replace('-', '_')}-1.0.dist-info"
        about.mkdir(parents=True)
        about.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {point}\n" for name, point in points.items())
        about.joinpath("entry_points.txt").write_text(f"[herdbook.job_types]\n{lines}")
        site.joinpath(f"{module}.py").write_text(text)

    monkeypatch.syspath_prepend(site)
    return install


def build(app: Registry | None = None) -> Registry:
    return build_registry(Settings(queue_prefix="bull"), Database("", size=1), app)


def test_a_package_brings_a_registry_or_a_function_that_makes_one(install: Install) -> None:
    install("shop-jobs", "shop_jobs", SHOP, shop="shop_jobs:registry", label="shop_jobs:job_types")
    registry = build()
    assert registry.get("pack").queue == "orders"
    assert registry.get("label").queue == "bull"
    assert registry.missing == {}


def test_the_applications_own_types_win(install: Install) -> None:
    install("shop-jobs", "shop_jobs", SHOP, shop="shop_jobs:registry")
    install("more-jobs", "more_jobs", SHOP, more="more_jobs:registry")
    app = Registry()
    app.declare("pack", dict, queue="mine")
    assert build(app).get("pack").queue == "mine"
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert str(caught.value) == (
        "both entry point 'more' of package more-jobs and entry point 'shop' of package shop-jobs bring job type 'pack'"
    )


def test_what_lacks_a_module_is_left_out_and_told(install: Install) -> None:
    install("shop-jobs", "shop_jobs", "import not_to_be_found\n", pack="shop_jobs:registry")
    registry = build()
    assert registry.missing == {"pack": "install not_to_be_found, which shop-jobs needs"}
    with pytest.raises(UnknownJobTypeError, match=r"; to have it, install not_to_be_found, which shop-jobs needs$"):
        registry.get("pack")
    with capture_logs() as lines:
        log_missing(registry)
    (line,) = lines
    assert (line["missing"], line["remedy"]) == ("pack", "install not_to_be_found, which shop-jobs needs")


def test_what_is_missing_in_a_package_may_be_in_the_application(install: Install) -> None:
    install("shop-jobs", "shop_jobs", "import not_to_be_found\n", pack="shop_jobs:registry")
    app = Registry()
    app.declare("pack", dict)
    registry = build(app)
    assert registry.missing == {}
    assert registry.get("pack").name == "pack"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "entry point 'pack' of package shop-jobs is broken: ZeroDivisionError: division by zero"),
        ("job_types = 7", "entry point 'pack' of package shop-jobs is a int, not a Registry"),
        ("def job_types(*_): return []", "entry point 'pack' of package shop-jobs is a list, not a Registry"),
        ("def job_types(): ...", "entry point 'pack' of package shop-jobs is broken: TypeError: job_types() takes 0"),
        ("other = 7", "entry point 'pack' of package shop-jobs is broken: AttributeError: module 'shop_jobs' has no"),
        (
            "from herdbook import ConfigurationError\ndef job_types(*_): raise ConfigurationError('set SHOP_URL')",
            "set SHOP_URL",
        ),
    ],
)
def test_a_broken_package_is_told(install: Install, text: str, said: str) -> None:
    install("shop-jobs", "shop_jobs", text, pack="shop_jobs:job_types")
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert str(caught.value).startswith(said)
