"""Sends a JSON body to a URL in one POST request.

It never follows a redirect, resolves a host twice, or reads more of a response than its headers.
"""

import asyncio
import ssl
from collections.abc import Mapping

import h11
from pydantic import HttpUrl

from herdbook.model.signals import Unrecoverable
from herdbook.sending.delivery_error import DeliveryError
from herdbook.sending.network import resolve
from herdbook.sending.responses import TargetResponse, parse_retry_after

# Seconds for one connection attempt, and for the whole request.
_CONNECT_TIMEOUT = 5.0
_TIMEOUT = 15.0
_MAX_HEADERS = 16_384
_CHUNK = 4_096


async def post(url: HttpUrl, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> int:
    """Post `body`; returns the status, which is 2xx.

    Raises Unrecoverable if the server refuses it for good, and DeliveryError if a retry may succeed.
    """
    shown = f"{url.scheme}://{url.host}/…"
    try:
        async with asyncio.timeout(_TIMEOUT):
            response = await _exchange(url, body, headers, allow_private)
    except TimeoutError:
        raise DeliveryError(f"{shown} did not respond within {_TIMEOUT:.0f} s") from None
    except (OSError, h11.RemoteProtocolError) as error:
        raise DeliveryError(f"{shown}: {error or type(error).__name__}") from None
    if 200 <= response.status < 300:
        return response.status
    if 300 <= response.status < 400:
        raise Unrecoverable(f"{shown} responded with {response.status}; redirects are not followed")
    message = f"{shown} responded with {response.status}"
    raise Unrecoverable(message) if response.is_final else DeliveryError(message, after=response.retry_after)


async def _exchange(url: HttpUrl, body: bytes, headers: Mapping[str, str], allow_private: bool) -> TargetResponse:
    host, port = url.host or "", url.port or 443
    addresses = await resolve(host, port, allow_private=allow_private)
    reader, writer = await _connect(addresses, port, host if url.scheme == "https" else None)
    try:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEADERS)
        for event in (_request(url, body, headers), h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        return await _read_response(connection, reader)
    finally:
        # Drops the connection, because the rest of the response is not needed.
        writer.transport.abort()


async def _connect(
    addresses: list[str], port: int, tls_name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that accepts one. The certificate must match the name, not the address."""
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


async def _read_response(connection: h11.Connection, reader: asyncio.StreamReader) -> TargetResponse:
    """The status and headers of the response, skipping informational (1xx) ones."""
    read = 0
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            headers = {name: value.decode("latin-1") for name, value in event.headers}
            wait = parse_retry_after(headers.get(b"retry-after"), headers.get(b"date"))
            return TargetResponse(status=event.status_code, retry_after=wait)
        if event is h11.NEED_DATA:
            data = await reader.read(_CHUNK)
            read += len(data)
            if not data:
                raise h11.RemoteProtocolError("it closed the connection without a response")
            if read > _MAX_HEADERS:
                raise h11.RemoteProtocolError("its response headers are too large")
            connection.receive_data(data)
