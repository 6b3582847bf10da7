"""Create an email by the form, and see it complete without a reload."""

import re

from playwright.async_api import Page, expect

from .conftest import Site


async def test_create_an_email_and_see_it_complete(
    site: Site, page: Page, expected_errors: list[re.Pattern[str]]
) -> None:
    expected_errors.append(re.compile("422"))
    await page.goto("/")
    await page.get_by_role("link", name="New job").click()
    await page.get_by_role("link", name="email").click()
    await page.get_by_label("Subject").fill("Hello")
    await page.get_by_role("button", name="Publish").last.click()
    await expect(page.get_by_role("alert")).to_contain_text("was not published")
    await expect(page.get_by_label("Subject")).to_have_value("Hello")

    await page.locator("[name='jobData.to']").fill("ada@example.com")
    await page.locator("textarea[name='jobData.text']").fill("Hello Ada")
    await page.get_by_role("button", name="Publish").last.click()
    await expect(page).to_have_url(re.compile(r"/jobs/[0-9a-f-]{36}"))
    await expect(page.locator("#job-header")).to_contain_text("Completed")
    await expect(page.get_by_text("ada@example.com").first).to_be_visible()
