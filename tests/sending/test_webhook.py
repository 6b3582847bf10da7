"""Posting to untrusted URLs: what is sent, what is refused, and what is retried."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import HttpUrl

from herdbook.model.signals import Unrecoverable
from herdbook.sending.delivery_error import DeliveryError
from herdbook.sending.network import is_public, resolve
from herdbook.sending.webhook import post


class Receiver:
    """A web server that stores what is posted to it, and gives the configured response."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.date: datetime | None = None
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posted.append((self.path, dict(self.headers), body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(receiver.date.timestamp() if receiver.date else timestamp)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port

    def url(self, host: str = "127.0.0.1") -> HttpUrl:
        """Its URL."""
        return HttpUrl(f"http://{host}:{self.port}/hook?a=1")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


async def test_the_body_arrives_with_its_headers(receiver: Receiver) -> None:
    status = await post(receiver.url("localhost"), b'{"a": 1}', {"webhook-id": "1"}, allow_private=True)
    ((path, headers, body),) = receiver.posted
    assert (status, path, body) == (200, "/hook?a=1", b'{"a": 1}')
    assert headers["Host"] == f"localhost:{receiver.port}"
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-id"] == "1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_refused_in_any_notation(receiver: Receiver, host: str) -> None:
    with pytest.raises(Unrecoverable, match="HERDBOOK_ALLOW_PRIVATE_TARGETS"):
        await post(receiver.url(host), b"{}", {}, allow_private=False)
    assert receiver.posted == []


async def test_a_name_with_a_private_address_is_refused_and_resolved_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server could answer differently the second time, so there is no second time."""
    asked = []
    answers = [("127.0.0.1", 1), ("93.184.215.14", 1)]

    def getaddrinfo(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers[0])]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unrecoverable, match="only private addresses"):
        await post(receiver.url("rebind.example"), b"{}", {}, allow_private=False)
    assert (asked, receiver.posted) == (["rebind.example"], [])


async def test_of_several_addresses_only_public_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("10.0.0.1", "8.8.8.8", "8.8.8.8")]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert await resolve("mixed.example", 80, allow_private=False) == ["8.8.8.8"]
    assert await resolve("mixed.example", 80, allow_private=True) == ["10.0.0.1", "8.8.8.8"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("127.0.0.2", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.status = 302
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.port}/secret"}
    with pytest.raises(Unrecoverable, match="responded with 302; redirects are not followed"):
        await post(receiver.url(), b"{}", {}, allow_private=True)
    assert len(receiver.posted) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410])
async def test_a_permanent_refusal_is_not_retried(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(Unrecoverable, match=f"http://127.0.0.1/… responded with {status}"):
        await post(receiver.url(), b"{}", {}, allow_private=True)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_temporary_refusal_is_retried_after_the_servers_delay(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.headers = status, {"Retry-After": "7"}
    with pytest.raises(DeliveryError, match=str(status)) as caught:
        await post(receiver.url(), b"{}", {}, allow_private=True)
    assert caught.value.after == 7_000


async def test_a_date_to_retry_after_is_by_the_servers_clock(receiver: Receiver) -> None:
    receiver.status, receiver.date = 503, datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
    receiver.headers = {"Retry-After": "Tue, 01 Jan 2030 12:00:30 GMT"}
    with pytest.raises(DeliveryError) as caught:
        await post(receiver.url(), b"{}", {}, allow_private=True)
    assert caught.value.after == 30_000


async def test_an_unreachable_server_is_retried() -> None:
    with pytest.raises(DeliveryError, match="no connection"):
        await post(HttpUrl("http://127.0.0.1:1/"), b"{}", {}, allow_private=True)
    with pytest.raises(DeliveryError, match="was not found"):
        await post(HttpUrl("http://nowhere.invalid/"), b"{}", {}, allow_private=True)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", "without a response"),
        (b"nonsense\r\n\r\n", "illegal status line"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, "too large|long"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, "too large"),
    ],
)
async def test_an_invalid_response_is_an_error(answer: bytes, problem: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DeliveryError, match=problem):
            await post(HttpUrl(f"http://127.0.0.1:{port}/"), b"{}", {}, allow_private=True)
