"""The response of server-sent events."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from herdbook.errors import RecordUnavailableError
from herdbook.http.app import create_app
from herdbook.http.event_stream import EventStream, message
from herdbook.http.services import Services
from herdbook.model.registry import Registry
from herdbook.settings import Settings
from tests.http.conftest import assert_problem, client
from tests.http.test_server import serving


async def texts(*given: str) -> AsyncGenerator[bytes]:
    for text in given:
        yield text.encode()


@pytest.mark.parametrize(("keep_alive_after", "sent"), [(10.0, "a\n\nb\n\n"), (0.0, "a\n\n: keep-alive\nb\n\n")])
async def test_a_quiet_stream_is_kept_alive_by_a_comment(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, keep_alive_after: float, sent: str
) -> None:
    monkeypatch.setattr("herdbook.http.event_stream._KEEP_ALIVE_AFTER", keep_alive_after)
    app.add_api_route("/some", lambda: EventStream(texts("a\n\n", "", "b\n\n")), include_in_schema=False)
    async with client(app) as api:
        assert (await api.get("/some")).text == sent


async def test_an_error_before_the_first_message_is_answered(app: FastAPI) -> None:
    async def failing() -> AsyncGenerator[bytes]:
        raise RecordUnavailableError("PostgreSQL is unreachable")
        yield b""

    app.add_api_route("/some", lambda: EventStream(failing()), include_in_schema=False)
    async with client(app) as api:
        assert_problem(await api.get("/some"), 503, "record-unavailable")


async def test_a_client_that_receives_nothing_is_disconnected(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        pytest.skip("this system has no limit for it")
    monkeypatch.setattr("herdbook.http.server._USER_TIMEOUT", 300)
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes]:
        try:
            while True:
                await asyncio.sleep(0)
                yield b"x" * 65_536
        finally:
            ended.set()

    def create(services: Services) -> FastAPI:
        app = create_app(services)
        app.add_api_route("/endless", lambda: EventStream(endless()), include_in_schema=False)
        return app

    async with serving(settings, registry, create=create) as api:
        address = urlsplit(str(api.base_url))
        with socket.create_connection((address.hostname, address.port)) as stuck:
            stuck.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(20):
                await ended.wait()


@pytest.mark.parametrize(("id", "sent"), [(None, b"event: e\ndata: d\n\n"), ("7", b"event: e\nid: 7\ndata: d\n\n")])
def test_messages_are_formatted_as_events(id: str | None, sent: bytes) -> None:
    assert message("e", "d", id) == sent
