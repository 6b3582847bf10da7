"""Takes a URL and a JSON body.

Gives the body to the server there, in one POST request.
Never follows a redirect, looks a host up twice, or reads more of an answer than its head.
"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime

import h11
from pydantic import HttpUrl

from herdbook.builtin.answers import TargetResponse, parse_retry_after
from herdbook.builtin.delivery import DeliveryError
from herdbook.builtin.network import resolve
from herdbook.model.signals import Unrecoverable

# Seconds for one connection, and for all of it.
_CONNECT_TIMEOUT = 5.0
_TIMEOUT = 15.0
_MOST_HEAD = 16_384
_CHUNK = 4_096


async def post(url: HttpUrl, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> int:
    """Post `body`; returns the status, which is 2xx.

    Raises Unrecoverable when the server will never take it, and DeliveryError when it may later.
    """
    shown = f"{url.scheme}://{url.host}/…"
    try:
        async with asyncio.timeout(_TIMEOUT):
            answer = await _exchange(url, body, headers, allow_private)
    except TimeoutError:
        raise DeliveryError(f"{shown} did not answer within {_TIMEOUT:.0f} s") from None
    except (OSError, h11.RemoteProtocolError) as error:
        raise DeliveryError(f"{shown}: {error or type(error).__name__}") from None
    if 200 <= answer.status < 300:
        return answer.status
    if 300 <= answer.status < 400:
        raise Unrecoverable(f"{shown} answered {answer.status}; redirects are not followed")
    message = f"{shown} answered {answer.status}"
    raise Unrecoverable(message) if answer.is_final else DeliveryError(message, after=answer.retry_after)


async def _exchange(url: HttpUrl, body: bytes, headers: Mapping[str, str], allow_private: bool) -> TargetResponse:
    host, port = url.host or "", url.port or 443
    addresses = await resolve(host, port, allow_private=allow_private)
    reader, writer = await _connect(addresses, port, host if url.scheme == "https" else None)
    try:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
        for event in (_request(url, body, headers), h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        return await _read_answer(connection, reader)
    finally:
        # The rest of the answer is not wanted, so the line is cut.
        writer.transport.abort()


async def _connect(
    addresses: list[str], port: int, tls_name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one. The certificate has to be of the name, not of the address."""
    context = ssl.create_default_context() if tls_name else None
    errors: list[Exception] = []
    for address in addresses:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                return await asyncio.open_connection(
                    address, port, ssl=context, server_hostname=tls_name and tls_name.strip("[]")
                )
        except (OSError, TimeoutError) as error:
            errors.append(error)
    raise OSError(f"no connection: {str(errors[0]) or 'it took too long'}")


def _request(url: HttpUrl, body: bytes, headers: Mapping[str, str]) -> h11.Request:
    usual = {"http": 80, "https": 443}[url.scheme]
    host = (url.host or "") + ("" if url.port == usual else f":{url.port}")
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    own = {
        "Host": host,
        "User-Agent": "Herdbook",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    return h11.Request(method="POST", target=target, headers=list({**own, **headers}.items()))


async def _read_answer(connection: h11.Connection, reader: asyncio.StreamReader) -> TargetResponse:
    """The head of the answer, without those that only say that one will come."""
    read = 0
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            wait = dict(event.headers).get(b"retry-after")
            now = datetime.now(UTC)
            return TargetResponse(
                status=event.status_code, retry_after=parse_retry_after(wait.decode("latin-1") if wait else None, now)
            )
        if event is h11.NEED_DATA:
            data = await reader.read(_CHUNK)
            read += len(data)
            if not data:
                raise h11.RemoteProtocolError("it closed the connection without an answer")
            if read > _MOST_HEAD:
                raise h11.RemoteProtocolError("its answer begins with too much")
            connection.receive_data(data)
