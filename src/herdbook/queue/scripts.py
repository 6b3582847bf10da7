"""Takes the Lua scripts of the installed `bullmq` package, and ours in `lua/`.

Gives composed scripts: BullMQ's own become functions `f(KEYS, ARGV)` inside one of ours, which calls
them for many jobs in one round trip. That is half again as fast as a pipeline of single scripts.
Never changes what BullMQ's scripts do.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import msgpack

# In our scripts, a line `-- use: moveToActive-11` is replaced by that script as a function.
_USE = re.compile(r"^-- use: ([\w-]+)$", re.MULTILINE)

# The first statement of a script that is about one call.
_MAIN = re.compile(r"^\w.*\b(?:KEYS|ARGV)\[", re.MULTILINE)


@cache
def compose(name: str) -> str:
    """The text of `lua/<name>.lua` with the BullMQ scripts it uses."""
    own = files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
    return _USE.sub(lambda use: _as_function(use[1].split("-")[0], bullmq_script(use[1])), own)


def _as_function(name: str, script: str) -> str:
    """The script as a function. Its own functions are made when it is first called, and not for each call,
    where nothing of the call comes before them."""
    main = _MAIN.search(script)
    start = main.start() if main and "\nlocal function" not in script[main.start() :] else 0
    made = f"(function()\n{script[:start]}\nreturn function(KEYS, ARGV)\n{script[start:]}\nend\nend)()"
    return (
        f"local {name}\ndo\nlocal made\n{name} = function(KEYS, ARGV)\nmade = made or {made}\n"
        "return made(KEYS, ARGV)\nend\nend"
    )


@cache
def bullmq_script(name: str) -> str:
    """The text of a script of BullMQ, such as `moveToActive-11`: 11 is how many keys it takes."""
    return files("bullmq").joinpath("commands", f"{name}.lua").read_text(encoding="utf-8")


def pack(value: Any) -> bytes:
    """The value as a script unpacks it. Redis's unpacker has no binary type, so bytes go as texts."""
    packed: bytes = msgpack.packb(value, use_bin_type=False, unicode_errors="surrogateescape")
    return packed
