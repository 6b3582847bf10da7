"""Job data that looks like markup."""

import asyncio

from playwright.async_api import Page, expect

from .conftest import Site
from .publishing import publish

_MARKUP = "</script></pre><script>document.title='caught'</script><img src=x onerror=\"document.title='caught'\">"


async def test_hostile_data_is_escaped_on_every_page(site: Site, page: Page) -> None:
    data = {_MARKUP: [_MARKUP, {"deep": _MARKUP}], "rtl": "\u202eevil", "long": "x" * 5_000}
    echoed = await publish(site, "echo", data)
    failed = await publish(site, "order", {"number": 14, "note": _MARKUP})
    await asyncio.gather(site.system.finished(echoed), site.system.finished(failed))
    for path in (
        "/",
        "/jobs",
        f"/jobs?q={'<script>'}",
        f"/jobs/{echoed}",
        f"/jobs/{failed}",
        f"/jobs/new?from={echoed}",
    ):
        await page.goto(path)
        await expect(page.locator("main")).to_be_visible()
        assert "caught" not in await page.title()
        assert await page.locator("main img[src=x], main script:not([src])").count() == 0
    await page.goto(f"/jobs/{echoed}")
    await expect(page.get_by_text("document.title='caught'").first).to_be_visible()
