"""Reads JSON request bodies, never more than a limit of bytes, whatever Content-Length says."""

import json
import re
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from herdbook.errors import FieldProblem
from herdbook.http.problems import BODY_TOO_LARGE, INVALID_REQUEST, MALFORMED_BODY, UNSUPPORTED_BODY, Refused

# The integers that orjson reads without loss; it turns others into floats.
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
# Turns each digit into 0, so that long runs of digits are found at memory speed.
_DIGITS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord(" ") for byte in range(256))
_LONG_RUN = b"0" * 19
_LONG_RUNS = re.compile(rb"[0-9]{19,}")
# Possessive, and without need of its closing quote, so that it takes linear time whatever the body is.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
# Values in a body. orjson keeps all other threads waiting while it parses, so a thread of its own would not help; this
# bounds the wait to about a tenth of a second, and the memory to about 100 MB.
_MAX_VALUES = 1_000_000


async def read_json(request: Request, limit: int) -> Any:
    """The JSON value of the body; raises Refused (400, 413, 415, 422) when it is not JSON of at most `limit` bytes."""
    headers = dict(request.scope["headers"])
    _check_media_type(headers)
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    return parse_json(await _read(request.receive, limit))


def parse_json(body: bytes) -> Any:
    """The value of a JSON text; raises Refused: 400, 413 (too many values) or 422 (integers that would lose digits)."""
    if len(body) > _MAX_VALUES and _has_too_many_values(body):
        raise Refused(BODY_TOO_LARGE, f"the body has more than {_MAX_VALUES:,} values; send it in parts")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refused(MALFORMED_BODY, f"the body is not JSON: {error.msg} at {where}") from None
    if _LONG_RUN in body.translate(_DIGITS) and not all(map(_fits, _LONG_RUNS.findall(_STRING.sub(b"", body)))):
        _check_integers(body)
    return value


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join([*chunks, chunk]) if chunks else chunk
        chunks.append(chunk)


def _check_media_type(headers: dict[bytes, bytes]) -> None:
    sent = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if sent != b"application/json" and not (sent.startswith(b"application/") and sent.endswith(b"+json")):
        detail = "send the body as JSON, with the header Content-Type: application/json"
        raise Refused(UNSUPPORTED_BODY, detail, headers={"Accept": "application/json"})
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        detail = "send the body uncompressed, without Content-Encoding"
        raise Refused(UNSUPPORTED_BODY, detail, headers={"Accept-Encoding": "identity"})


def _has_too_many_values(body: bytes) -> bool:
    """Whether there are too many values, counted by what begins or separates them; this costs a fraction of parsing."""
    if _count_values(body) <= _MAX_VALUES:
        return False
    # Texts have commas and brackets, too; a value and its name have two quotes each, apart from escaped ones.
    quotes = body.count(b'"') - body.count(b'\\"')
    return quotes > 4 * _MAX_VALUES or _count_values(_STRING.sub(b"", body)) > _MAX_VALUES


def _count_values(body: bytes) -> int:
    # As fast for a body of nothing else as for one without any, unlike `count`.
    return len(body) - len(body.translate(None, b",[{"))


def _fits(digits: bytes) -> bool:
    """Whether an integer of these digits fits, with a minus sign too: nanosecond timestamps do."""
    return len(digits) == 19 and int(digits) <= -_SMALLEST


def _check_integers(body: bytes) -> None:
    """Parse again, with a parser that shows each integer's digits: the run may also be in a string or a fraction."""
    try:
        json.loads(body, parse_int=_check_integer)
    except RecursionError:
        raise Refused(MALFORMED_BODY, "the body is not JSON: nested too deeply") from None


def _check_integer(text: str) -> int:
    # The length first: Python refuses to read integers of thousands of digits.
    if len(text) <= 20 and _SMALLEST <= int(text) <= _LARGEST:
        return 0
    message = "an integer of more than 64 bits would lose digits: send it as a string"
    raise Refused(INVALID_REQUEST, message, [FieldProblem(path="", message=message)])


def _too_large(limit: int) -> Refused:
    return Refused(BODY_TOO_LARGE, f"the body is larger than {limit:,} bytes")
