"""Cancel a scheduled job, and run another one now."""

from playwright.async_api import Page, expect

from herdbook.model.job import JobStatus

from .conftest import Site
from .publishing import publish


async def test_cancel_a_delayed_job(site: Site, page: Page) -> None:
    later = await publish(site, "echo", "hello", delay=3_600_000)
    await page.goto("/jobs?status=pending")
    await page.locator(f"#job-{later}").get_by_role("link", name="echo").first.click()
    await expect(page.locator("#job-why-not-running")).to_contain_text("scheduled for")
    await page.get_by_text("Cancel…").click()
    await page.get_by_label("Reason").fill("not needed")
    await page.get_by_role("button", name="Cancel job").click()
    await expect(page.locator("#job-header")).to_contain_text("Cancelled")
    cancelled = await site.system.job(later)
    assert (cancelled.status, cancelled.error_message) == (JobStatus.CANCELLED, "not needed")


async def test_run_a_delayed_job_now(site: Site, page: Page) -> None:
    later = await publish(site, "echo", "hello", delay=3_600_000)
    await page.goto(f"/jobs/{later}")
    await page.get_by_role("button", name="Run now").click()
    await expect(page.locator("#job-header")).to_contain_text("Completed")
    assert (await site.system.finished(later)).result == "hello"
