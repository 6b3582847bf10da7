"""The pages on real servers, requested without a browser. Every response is checked for what must always hold."""

from collections import Counter
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

from herdbook.http.services import Services
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.options import Backoff
from herdbook.model.registry import Registry
from herdbook.operating.feed import ChangeFeed
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.web import create_app

NOBODY = 1  # A port that no one listens on.
HOSTILE = "</script><img src=x onerror=alert(1)>\"'{{ 7 * 7 }}"
EXTREMES = ("x" * 300, "a" * 10_000, "שלום עולם", "👩‍👩‍👧‍👦 🐄🐂", HOSTILE, "line\nline\ttab", "%s %d {} \\")
_VOID = frozenset({"meta", "link", "img", "input", "br", "hr"})


class Note(BaseModel):
    text: str
    copies: int = 1


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.declare("note", Note, queue="notes", attempts=4, backoff=Backoff(delay=10))

    @registry.processor("count", backoff=None)
    async def count(number: int) -> int:
        """Count on."""
        return number + 1

    return registry


@pytest.fixture
async def services(
    settings: Settings, registry: Registry, database: Database, tmp_path: Path
) -> AsyncIterator[Services]:
    queues = QueueStatsReader.connect(settings, registry, database)
    yield Services(
        settings=settings,
        registry=registry,
        database=database,
        queues=queues,
        artifacts=FolderArtifacts(tmp_path / "artifacts"),
        feed=ChangeFeed(database),
    )
    await queues.close()


@pytest.fixture
async def site(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client(services) as site:
        yield site


@pytest.fixture
async def lost_site(settings: Settings, registry: Registry, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The pages while PostgreSQL and Redis are unreachable."""
    url = f"postgresql://herdbook:hushhush@127.0.0.1:{NOBODY}/x"
    redis_url = f"redis://:hushhush@127.0.0.1:{NOBODY}"
    lost = settings.model_copy(update={"database_url": url, "redis_url": redis_url})
    database = Database(url, size=2)
    await database.open()
    queues = QueueStatsReader.connect(lost, registry, database)
    artifacts = FolderArtifacts(tmp_path / "artifacts")
    feed = ChangeFeed(database)
    services = Services(
        settings=lost, registry=registry, database=database, queues=queues, artifacts=artifacts, feed=feed
    )
    async with client(services) as site:
        yield site
    await queues.close()
    await database.close()


def client(services: Services) -> httpx.AsyncClient:
    """A client that checks every response."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(services)),
        base_url="http://herdbook.test",
        event_hooks={"response": [_check_response]},
    )


async def _check_response(response: httpx.Response) -> None:
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.headers.get("content-type", "").startswith("text/html") and response.request.url.path != "/docs":
        await response.aread()
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "unsafe" not in response.headers["content-security-policy"]
        check_html(response.text)


def check_html(html: str) -> None:
    """Elements are closed, ids are unique, references resolve, and nothing is inline or from another site."""
    page = _Page()
    page.feed(html)
    page.close()
    assert page.open == []
    assert [id for id, count in page.ids.items() if count > 1] == []
    assert page.references - set(page.ids) == set()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.references: set[str] = set()
        self._svg = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        assert not any(name.startswith("on") or name == "style" for name in found), attrs
        assert tag != "style"
        assert tag != "script" or found.get("src", "").startswith("/static/")  # type: ignore[union-attr]
        for name in ("href", "src", "action"):
            assert (found.get(name) or "/").startswith(("/", "#", "?", "data:image/")), attrs
        if "id" in found:
            self.ids[found["id"] or ""] += 1
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            self.references.update((found.get(name) or "").split())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
