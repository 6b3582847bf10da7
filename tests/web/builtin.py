"""The built-in job types that people publish, for looking at."""

from typing import Any

from herdbook.builtin import builtin_types
from herdbook.settings import Settings


async def _nothing(*args: Any, **named: Any) -> Any:
    return None


BUILTIN = {one.name: one for one in builtin_types(Settings(), _nothing) if not one.is_reserved}
