"""Use the pages with the keyboard only."""

from playwright.async_api import Page, expect

from .conftest import Site
from .publishing import publish


async def tab_to(page: Page, name: str, most: int = 80) -> None:
    """Press Tab until the focused element has this name."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.innerText?.trim() || document.activeElement.ariaLabel") == name:
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


async def test_open_and_retry_a_failed_job_by_the_keyboard(site: Site, page: Page) -> None:
    failed = await publish(site, "order", {"number": 14})
    await site.system.finished(failed)
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to content")).to_be_focused()
    await tab_to(page, "Jobs")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    await tab_to(page, "order")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{site.url}/jobs/{failed}")
    await tab_to(page, "Retry")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="will run again")).to_be_visible()
