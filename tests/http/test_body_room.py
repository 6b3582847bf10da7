"""Large bodies that are received at the same time."""

import asyncio
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI

from herdbook.http.body_room import BodyRoom
from herdbook.http.middleware import HttpMiddleware, problem_of_fault
from tests.http.conftest import assert_problem

JSON = {"Content-Type": "application/json"}
NOTE = '{"jobType": "note", "jobData": {"text": "a"}}'


async def in_parts(
    size: int, go_on: asyncio.Event | None = None, sent: asyncio.Event | None = None
) -> AsyncIterator[bytes]:
    """A job after so many bytes of white space, once `go_on` is set."""
    yield b" " * size
    if sent is not None:
        sent.set()
    if go_on is not None:
        await go_on.wait()
    yield NOTE.encode()


async def test_a_large_body_is_refused_while_others_take_the_room(app: FastAPI) -> None:
    room = BodyRoom(100_000)
    wrapped = HttpMiddleware(app, problem_of_fault, room)
    go_on, sent = asyncio.Event(), asyncio.Event()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(wrapped), base_url="http://herdbook.test") as api:
        slow = asyncio.create_task(api.post("/api/jobs", content=in_parts(60_000, go_on, sent), headers=JSON))
        await sent.wait()
        refused = await api.post("/api/jobs", content=in_parts(60_000), headers=JSON)
        assert_problem(refused, 503, "server-busy")
        assert refused.headers["retry-after"] == "5"
        assert (await api.post("/api/jobs", content=in_parts(30_000), headers=JSON)).status_code == 201
        assert (await api.post("/api/jobs", content=NOTE, headers=JSON)).status_code == 201
        go_on.set()
        assert (await slow).status_code == 201
        assert (await api.post("/api/jobs", content=in_parts(60_000), headers=JSON)).status_code == 201
    assert room.left == 100_000


async def test_a_client_that_disconnects_gives_its_room_back(app: FastAPI) -> None:
    room = BodyRoom(100_000)
    wrapped = HttpMiddleware(app, problem_of_fault, room)
    go_on, sent = asyncio.Event(), asyncio.Event()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(wrapped), base_url="http://herdbook.test") as api:
        leaving = asyncio.create_task(api.post("/api/jobs", content=in_parts(60_000, go_on, sent), headers=JSON))
        await sent.wait()
        assert room.left == 40_000
        leaving.cancel()
        await asyncio.wait([leaving])
    assert room.left == 100_000
