"""Takes the name of a statement.

Gives its text, from `statements/<name>.sql`.
Never builds SQL out of values.
"""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The SQL of `statements/<name>.sql`, with `$1`-style parameters."""
    return files(__package__).joinpath("statements", f"{name}.sql").read_text(encoding="utf-8")
