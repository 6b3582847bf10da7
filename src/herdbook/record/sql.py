"""Loads the SQL in `statements/`.

SQL is never built from values.
"""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The SQL of `statements/<name>.sql`, with `$1`-style parameters."""
    return files(__package__).joinpath("statements", f"{name}.sql").read_text(encoding="utf-8")
