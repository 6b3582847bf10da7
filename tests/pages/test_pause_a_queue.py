"""Pause a queue, and resume it."""

from playwright.async_api import Page, expect

from herdbook.model.job import JobStatus

from .conftest import Site
from .publishing import publish


async def test_pause_a_queue_and_resume_it(site: Site, page: Page) -> None:
    await page.goto("/queues")
    row = page.locator("#queue-echo")
    await row.get_by_role("button", name="Pause").click()
    await expect(row).to_contain_text("Paused")
    await expect(row.get_by_role("button", name="Resume")).to_be_visible()

    waits = await publish(site, "echo", 1)
    await expect(row).to_contain_text("1")
    await page.goto(f"/jobs/{waits}")
    await expect(page.locator("#job-why-not-running")).to_contain_text("paused")
    assert (await site.system.job(waits)).status is JobStatus.PENDING

    await page.goto("/queues/echo")
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await site.system.finished(waits)
