"""Publish a job by the form, and follow its three tries: two errors, and the waits between them."""

import re

from playwright.async_api import Page, expect

from .conftest import Site


async def test_follow_a_job_that_completes_at_its_third_try(
    site: Site, page: Page, expected_errors: list[re.Pattern[str]]
) -> None:
    expected_errors.append(re.compile("422"))
    await page.goto("/jobs/new?type=third_time")
    await expect(page.get_by_text("runs in a thread, at most 30 s a try")).to_be_visible()
    await page.locator("summary", has_text="Options").click()
    await expect(page.get_by_text("the job type decides")).to_be_visible()
    await page.get_by_label("Time limit").fill("soon")
    await page.get_by_label("Callback").fill("https://example.com/hooks")
    await page.get_by_role("button", name="Publish").last.click()
    await expect(page.get_by_text("Not a duration: give seconds")).to_be_visible()
    await expect(page.get_by_label("Callback")).to_have_value("https://example.com/hooks")

    await page.get_by_label("Time limit").fill("20s")
    await page.get_by_label("Callback").fill("")
    await page.get_by_role("button", name="Publish").last.click()
    await expect(page.locator("#job-head")).to_contain_text("completed")
    await expect(page.locator("#job-facts")).to_contain_text("20 s a try")
    timeline = page.locator("#job-timeline")
    told = re.compile(
        r"Try 1.*failed, to be tried again.*ConnectionError: nobody answers call 1.*Waited \d+ ms for the next try"
        r".*Try 2.*failed, to be tried again.*ConnectionError: nobody answers call 2.*Waited \d+ ms for the next try"
        r".*Try 3.*completed",
        re.DOTALL,
    )
    await expect(timeline).to_contain_text(told)
    await expect(timeline.get_by_text("for the next try")).to_have_count(2)
    await expect(timeline.get_by_text(re.compile(r"^Try \d$"))).to_have_count(3)

    await page.get_by_role("link", name="Duplicate").click()
    await expect(page.get_by_label("Time limit")).to_have_value("20s")
