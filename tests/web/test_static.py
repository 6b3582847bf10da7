"""The static files of the pages."""

import re

import httpx


async def test_static_files_may_be_cached_forever(site: httpx.AsyncClient) -> None:
    page = await site.get("/nowhere")
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len({address.split("/")[2] for address in addresses}) == 1
    for address in addresses:
        answer = await site.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_scripts_are_served_as_scripts_and_their_imports_exist(site: httpx.AsyncClient) -> None:
    page = await site.get("/nowhere")
    (main,) = re.findall(r'src="(/static/[^"]+main\.mjs)"', page.text)
    waiting, seen = [main], set()
    while waiting:
        address = waiting.pop()
        seen.add(address)
        script = await site.get(address)
        assert script.status_code == 200, address
        assert script.headers["content-type"].startswith("text/javascript")
        names = re.findall(r'"\./([\w-]+\.mjs)"', script.text)
        waiting += [one for one in (f"{main.rpartition('/')[0]}/{name}" for name in names) if one not in seen]
    assert len(seen) > 5


async def test_a_file_of_another_version_is_not_cached(site: httpx.AsyncClient) -> None:
    answer = await site.get("/static/000000000000/app.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


async def test_nothing_outside_the_folder_is_served(site: httpx.AsyncClient) -> None:
    for path in ("/static/v/../templates/base.html", "/static/v/%2e%2e/render.py", "/static/app.css"):
        assert (await site.get(path)).status_code == 404
