"""Choose the light, dark or system theme."""

from playwright.async_api import Page, expect

from .conftest import Site

_GROUND = "getComputedStyle(document.body).backgroundColor"


async def test_dark_follows_the_system_and_the_switch_is_remembered(site: Site, page: Page) -> None:
    await page.emulate_media(color_scheme="dark")
    await page.goto("/jobs")
    dark = await page.evaluate(_GROUND)
    await page.emulate_media(color_scheme="light")
    light = await page.evaluate(_GROUND)
    assert dark != light

    await page.get_by_role("button", name="Dark").click()
    assert await page.evaluate(_GROUND) == dark
    await page.goto("/queues")
    assert await page.evaluate(_GROUND) == dark
    await expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="System theme").click()
    assert await page.evaluate(_GROUND) == light
