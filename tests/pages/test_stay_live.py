"""Pages update themselves without disturbing the reader."""

from playwright.async_api import Page, expect

from .conftest import Site
from .publishing import publish


async def test_the_list_shows_new_jobs_and_keeps_selection_and_focus(site: Site, page: Page) -> None:
    first = await publish(site, "steps", {})
    await page.goto("/jobs")
    await expect(page.locator("html")).to_have_attribute("data-live", "on")
    box = page.locator(f"#job-{first} input")
    await box.check()
    await box.focus()
    await expect(page.locator(f"#job-{first} progress")).to_have_attribute("value", "50")

    second = await publish(site, "echo", 2)
    await expect(page.locator(f"#job-{second}")).to_contain_text("Completed")
    await expect(box).to_be_checked()
    await expect(box).to_be_focused()
    site.gate.set()
    await expect(page.locator(f"#job-{first}")).to_contain_text("Completed")
    await expect(box).to_be_checked()


async def test_a_job_shows_progress_and_log_as_it_runs(site: Site, page: Page) -> None:
    running = await publish(site, "steps", {})
    await page.goto(f"/jobs/{running}")
    await expect(page.locator("#job-header")).to_contain_text("Processing")
    await expect(page.locator("#job-logs")).to_contain_text("half of the way")
    site.gate.set()
    await expect(page.locator("#job-header")).to_contain_text("Completed")
    await expect(page.get_by_text("arrived").first).to_be_visible()


async def test_the_overview_updates_its_counts(site: Site, page: Page) -> None:
    await page.goto("/")
    await expect(page.get_by_text("No jobs yet")).to_be_visible()
    await site.system.finished(await publish(site, "echo", 1))
    await expect(page.locator("#counts")).to_contain_text("1")


async def test_two_tabs_receive_the_same(site: Site, page: Page) -> None:
    other = await page.context.new_page()
    await page.goto("/jobs")
    await other.goto("/jobs")
    await expect(other.locator("html")).to_have_attribute("data-live", "on")
    job = await publish(site, "echo", 1)
    await expect(other.locator(f"#job-{job}")).to_contain_text("Completed")
    await page.bring_to_front()
    await expect(page.locator(f"#job-{job}")).to_contain_text("Completed")
