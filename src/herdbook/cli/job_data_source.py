"""Opens what a command line names as job data: `-`, `@file`, or the JSON itself."""

import io
from pathlib import Path
from typing import BinaryIO

from herdbook.errors import InvalidJobError


def open_job_data(source: str) -> BinaryIO:
    """The bytes of `source`, for the caller to close. Raises InvalidJobError when the file cannot be read."""
    if source == "-":
        return open(0, "rb", closefd=False)
    if not source.startswith("@"):
        return io.BytesIO(source.encode(errors="surrogateescape"))
    try:
        return Path(source[1:]).open("rb")
    except OSError as error:
        raise InvalidJobError(f"cannot read {source[1:]}: {error.strerror}") from None
