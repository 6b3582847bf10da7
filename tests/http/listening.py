"""Reads streams of server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as it was received."""

    name: str
    id: str
    data: str

    def json(self) -> dict[str, Any]:
        """Its data."""
        found: dict[str, Any] = orjson.loads(self.data)
        return found


class Stream:
    """An open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Event:
        """The next event; raises EOFError at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "data" in fields:
                    return Event(name=fields["event"], id=fields.get("id", ""), data=fields["data"])
                else:
                    fields.clear()
        raise EOFError

    async def take(self, count: int) -> list[Event]:
        """The next events."""
        return [await self.next() for _ in range(count)]


@asynccontextmanager
async def listening(
    api: httpx.AsyncClient, path: str = "/api/events", *, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[Stream]:
    """A stream, open as long as the block lasts."""
    async with api.stream("GET", path, params=query, headers=headers, timeout=30) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["x-content-type-options"] == "nosniff"
        yield Stream(response)
