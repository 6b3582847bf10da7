"""Every page in light and dark, on desktop and phone: accessible, and never wider than the screen."""

import asyncio
import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from .conftest import Site
from .publishing import publish

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def urls(site: Site) -> list[str]:
    """The url of every kind of page, with something on it."""
    done, failed = (
        await publish(site, "echo", {"a": [1, None, True, "x" * 300]}),
        await publish(site, "order", {"number": 13}),
    )
    later = await publish(site, "echo", "later", delay=3_600_000)
    limited = await publish(site, "third_time", {}, timeout="1500ms", callback_url="https://127.0.0.1/" + "x" * 200)
    await asyncio.gather(*(site.system.finished(id) for id in (done, failed, limited)))
    return [
        "/",
        "/jobs",
        "/jobs?status=cancelled",
        "/jobs/new",
        "/jobs/new?type=email",
        "/jobs/new?type=report",
        f"/jobs/new?from={limited}",
        f"/jobs/{limited}",
        f"/jobs/{done}",
        f"/jobs/{failed}",
        f"/jobs/{later}",
        "/queues",
        "/queues/orders?state=failed",
        "/workers",
        "/alerts",
        "/operations",
        "/nowhere",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_accessible(
    site: Site, page: Page, scheme: str, expected_errors: list[re.Pattern[str]]
) -> None:
    expected_errors.append(re.compile("404"))
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    found = []
    for url in await urls(site):
        await page.goto(url)
        results = await Axe().run(page)
        found += [
            (url, one["id"], [node["html"][:200] for node in one["nodes"][:3]])
            for one in results.response["violations"]
        ]
    assert found == []


@pytest.mark.parametrize("width", [360, 768, 1_920])
async def test_no_page_is_wider_than_the_screen(
    site: Site, page: Page, width: int, expected_errors: list[re.Pattern[str]]
) -> None:
    expected_errors.append(re.compile("404"))
    await page.set_viewport_size({"width": width, "height": 800})
    for url in await urls(site):
        await page.goto(url)
        assert await page.evaluate(_OVERFLOW) <= 0, url
