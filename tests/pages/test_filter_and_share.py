"""Filter the list, share the address, go back."""

import asyncio

from playwright.async_api import BrowserContext, Page, expect

from .conftest import Site
from .publishing import publish


async def test_filter_the_list_and_share_the_address(site: Site, page: Page, context: BrowserContext) -> None:
    good, bad = await publish(site, "order", {"number": 1}), await publish(site, "order", {"number": 13})
    await asyncio.gather(site.system.finished(good), site.system.finished(bad))
    await page.goto("/jobs")
    await expect(page.locator("#job-rows tr")).to_have_count(2)
    await page.get_by_label("Search").fill("no stock")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.locator("#job-rows tr")).to_have_count(1)
    await page.get_by_role("link", name="Failed").click()
    await expect(page.locator("#job-rows tr")).to_have_count(1)

    other = await context.new_page()
    await other.goto(page.url)
    await expect(other.locator(f"#job-{bad}")).to_be_visible()
    await expect(other.get_by_label("Search")).to_have_value("no stock")

    await page.go_back()
    await page.go_back()
    await expect(page.locator("#job-rows tr")).to_have_count(2)
