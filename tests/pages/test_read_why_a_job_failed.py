"""Find a failed job, read why it failed, and retry it."""

from playwright.async_api import Page, expect

from .conftest import Site
from .publishing import publish


async def test_find_a_failed_job_read_why_and_retry_it(site: Site, page: Page) -> None:
    failed = await publish(site, "order", {"number": 13})
    await site.system.finished(failed)
    await page.goto("/")
    await page.get_by_role("link", name="no stock for order 13").click()
    await expect(page).to_have_url(f"{site.url}/jobs/{failed}")
    await expect(page.get_by_text("ValueError").first).to_be_visible()
    await expect(page.get_by_text("raise ValueError").last).to_be_visible()
    await expect(page.locator("#job-timeline")).to_contain_text("Attempt 2")

    await page.get_by_role("button", name="Retry").click()
    await expect(page.get_by_role("status").filter(has_text="will run again")).to_be_visible()
    retried = await site.system.finished(failed)
    assert retried.generation == 1
    await expect(page.locator("#job-header")).to_contain_text("Failed")
