"""The scenario of jobs that other programs wrote into a queue, each wrong in one field, among good ones."""

import asyncio
from typing import Any

import redis.asyncio

from .laboratory import PREFIX, Laboratory
from .ledger import publishing_beside
from .scenario import Scenarios

scenario = Scenarios()
_FIELDS: dict[str, list[bytes]] = {
    "name": [b"", b"\xff\xfe", b"unknown", b"x" * 10_000, b"a\x00b"],
    "data": [b"", b"{", b"\xff\xfe", b'"\\ud83d"', b"1e999", b"NaN", b"[" * 2_000, b'{"n": "one"}', b'"\\u0000"'],
    "opts": [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b'{"note": "\\ud83d"}',
        b'{"attempts": 9007199254740991}',
        b'{"attempts": "many"}',
        b'{"attempts": -1}',
        b'{"backoff": "never"}',
        b'{"backoff": {"type": "custom", "delay": 1e300}}',
        b'{"removeOnComplete": "yes", "removeOnFail": [1]}',
        b'{"tm": 5}',
    ],
    "timestamp": [b"", b"abc", b"-1", b"1.5", b"9" * 20],
    "priority": [b"", b"abc", b"-5", b"9" * 20],
    "delay": [b"abc", b"-5"],
    "ats": [b"x", b"1.5", b"-4", b"9" * 12, b"9" * 20],
    "atm": [b"x", b"-3", b"9" * 20],
    "stc": [b"x", b"9" * 20],
    "defa": [b"\xff", b"x" * 10_000],
}
_IDS = [b"a\x00b", b"\xff\xfe", "🐄".encode() * 100, b"\xed\xa0\xbd", b"x" * 5_000, b"12", b"a b", b"@"]
_GOOD = {"name": b"brief", "data": b'{"n": 1}', "opts": b"{}", "timestamp": b"1795500000000"}


@scenario("jobs of other programs, wrong in every field", jobs=5_000)
async def malformed(lab: Laboratory, jobs: int) -> str:
    hashes = [
        (f"{field}-{number}".encode(), {**_GOOD, field: value})
        for field, values in _FIELDS.items()
        for number, value in enumerate(values)
    ]
    hashes += [(id, _GOOD) for id in _IDS]
    async with publishing_beside(lab, jobs) as task:
        for id, fields in hashes:
            await asyncio.sleep(0.02)
            await _add(lab, id, fields)
        # An id without a job: whoever takes it finds nothing.
        await _add(lab, b"nothing", {})
        await task
    lab.foreign = len(hashes)
    return f"{len(hashes)} malformed jobs among good ones"


async def _add(lab: Laboratory, id: bytes, fields: dict[str, bytes]) -> None:
    client: Any = redis.asyncio.Redis.from_url(lab.servers.operator_url)
    prefix = f"{PREFIX}:brief:".encode()
    if fields:
        await client.hset(prefix + id, mapping=fields)
    await client.lpush(prefix + b"wait", id)
    await client.zadd(prefix + b"marker", {"0": 0})
    await client.aclose()
