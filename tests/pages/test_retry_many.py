"""Retry the selected jobs, then all matching ones."""

import asyncio

from playwright.async_api import Page, expect

from .conftest import Site
from .publishing import publish


async def test_retry_selected_jobs_and_all_matching_jobs(site: Site, page: Page) -> None:
    failed = [await publish(site, "order", {"number": 14}) for _ in range(5)]
    await asyncio.gather(*(site.system.finished(id) for id in failed))
    await page.goto("/jobs?status=failed")
    await expect(page.locator("#selection")).to_be_hidden()
    await page.locator(f"#job-{failed[0]} input").check()
    await page.locator(f"#job-{failed[2]} input").click(modifiers=["Shift"])
    await expect(page.locator("[data-selected-count]")).to_have_text("3")
    await page.locator("#selection").get_by_role("button", name="Retry").click()
    await page.get_by_role("button", name="Retry 3 jobs").click()
    await expect(page.locator("#operation")).to_contain_text("3 retried")

    await asyncio.gather(*(site.system.finished(id) for id in failed))
    await page.goto("/jobs?status=failed")
    await page.get_by_role("button", name="Retry all").click()
    await page.get_by_role("button", name="Retry 5 jobs").click()
    await expect(page.locator("#operation")).to_contain_text("Finished")
    generations = [(await site.system.finished(id)).generation for id in failed]
    assert sorted(generations) == [1, 1, 2, 2, 2]
