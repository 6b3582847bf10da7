"""The whole system and a real browser. All stories share one event loop, because they share the browser."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from herdbook.embedded.smtp import CatchAllSmtp
from herdbook.http.server import serve
from herdbook.job_types.assembly import build_registry
from herdbook.model.registry import Registry
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, running_system
from herdbook.web import create_app
from tests.conftest import fresh_settings
from tests.databases import DatabasePool

from .program import make_registry

# Set where a missing browser is a failure, as in CI.
REQUIRED = "HERDBOOK_TEST_BROWSER"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The stories share the browser's event loop."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """A Chromium installed on this machine."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        message = "no Chromium found, so the pages were not tested in a browser; install the package `chromium`"
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(message)
    return found


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser(browser_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=list(_ARGUMENTS))
        yield browser
        await browser.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running system with its pages at `url`; `gate` lets jobs of type `steps` go on."""

    url: str
    system: RunningSystem
    gate: asyncio.Event


@pytest_asyncio.fixture(loop_scope="session")
async def site(databases: DatabasePool, redis_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Everything running: a mail server, the relay, upkeep, a worker, and the pages."""
    async with fresh_settings(databases, redis_url, tmp_path) as fresh:
        mails, gate = CatchAllSmtp(tmp_path / "mail"), asyncio.Event()
        settings = fresh.model_copy(update={"smtp_url": await mails.start()})
        database = Database(settings.database_url or "", size=1)
        registry = build_registry(settings, database, make_registry(gate))
        async with running_system(settings, registry) as system, serving(settings, registry) as url:
            yield Site(url=url, system=system, gate=gate)
        await mails.stop()


@asynccontextmanager
async def serving(settings: Settings, registry: Registry) -> AsyncIterator[str]:
    """The pages on a local port."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    server = asyncio.create_task(
        serve(settings, registry, host="127.0.0.1", port=0, create=create_app, on_ready=ready.set_result, stop=stop)
    )
    try:
        yield await ready
    finally:
        stop.set()
        await server


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, site: Site) -> AsyncIterator[BrowserContext]:
    """A fresh browser profile for the test."""
    context = await browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    await context.close()


@pytest.fixture
def expected_errors() -> list[re.Pattern[str]]:
    """Console errors that this story expects."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, expected_errors: list[re.Pattern[str]]) -> AsyncIterator[Page]:
    """A tab. Any other console error fails the test: scripts, policies, missing files."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    with suppress(Exception):
        await page.close()
    assert [one for one in complaints if not any(wanted.search(one) for wanted in expected_errors)] == []
