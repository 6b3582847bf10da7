"""What a processor returned, as the JSON that is recorded."""

from typing import Any

import orjson

from herdbook.model.signals import UnrecordableResult
from herdbook.model.storable import find_nan, holds_nul


def encode_result(value: Any, max_bytes: int | None = None) -> str:
    """A processor's result as JSON text of at most `max_bytes`; raises UnrecordableResult."""
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise UnrecordableResult(f"the processor's result is not JSON: {error}") from None
    if max_bytes is not None and len(encoded) > max_bytes:
        raise UnrecordableResult(
            f"the processor's result has {len(encoded):,} bytes of JSON; at most {max_bytes:,} are recorded: "
            "return less, save it as an artifact, or raise HERDBOOK_MAX_RESULT_BYTES"
        )
    result = encoded.decode()
    # Most results have no null, and a string is searched faster than bytes.
    if "null" in result and (path := find_nan(value, encoded)) is not None:
        raise UnrecordableResult(f"the processor's result is not JSON: result{path} is NaN or infinite")
    if holds_nul(result):
        raise UnrecordableResult("the processor's result contains a NUL character, which PostgreSQL cannot store")
    return result
