"""Publish a job by the form, and follow its three attempts: two errors, and the waits between them."""

import re

from playwright.async_api import Page, expect

from .conftest import Site


async def test_follow_a_job_that_completes_on_its_third_attempt(
    site: Site, page: Page, expected_errors: list[re.Pattern[str]]
) -> None:
    expected_errors.append(re.compile("422"))
    await page.goto("/jobs/new?type=third_time")
    await expect(page.get_by_text("runs in a thread, timeout 30 s per attempt")).to_be_visible()
    await page.locator("summary", has_text="Options").click()
    await expect(page.get_by_text("decided by the job type")).to_be_visible()
    await page.get_by_label("Timeout").fill("soon")
    await page.get_by_label("Callback URL").fill("https://example.com/hooks")
    await page.get_by_role("button", name="Publish").last.click()
    await expect(page.get_by_text("Not a duration: give seconds")).to_be_visible()
    await expect(page.get_by_label("Callback URL")).to_have_value("https://example.com/hooks")

    await page.get_by_label("Timeout").fill("20s")
    await page.get_by_label("Callback URL").fill("")
    await page.get_by_role("button", name="Publish").last.click()
    await expect(page.locator("#job-header")).to_contain_text("Completed")
    await expect(page.locator("#job-details")).to_contain_text("20 s per attempt")
    timeline = page.locator("#job-timeline")
    story = re.compile(
        r"Attempt 1.*Failed, will retry.*ConnectionError: nobody answers call 1"
        r".*Waited \d+ ms before the next attempt"
        r".*Attempt 2.*Failed, will retry.*ConnectionError: nobody answers call 2"
        r".*Waited \d+ ms before the next attempt"
        r".*Attempt 3.*Completed",
        re.DOTALL,
    )
    await expect(timeline).to_contain_text(story)
    await expect(timeline.get_by_text("before the next attempt")).to_have_count(2)
    await expect(timeline.get_by_text(re.compile(r"^Attempt \d$"))).to_have_count(3)

    await page.get_by_role("link", name="Duplicate").click()
    await expect(page.get_by_label("Timeout")).to_have_value("20s")
