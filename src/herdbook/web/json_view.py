"""Takes a JSON value.

Gives a tree of it to look at, which says how much of a big one it leaves out.
Never makes markup: keys and values stay text.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import orjson

MOST_NODES = 400
# Of one object or list, so that the first long list does not take the place of all others.
MOST_CHILDREN = 100
DEEPEST = 20
LONGEST_TEXT = 2_000
LONGEST_KEY = 200
# Bytes of JSON that a page holds for copying.
LONGEST_COPY = 50_000
# Objects and lists with more nodes than this are folded.
_OPEN_UP_TO = 20


class NodeKind(StrEnum):
    """What a node is. PLAIN is a number, a boolean, null, or an empty object or list."""

    OBJECT = "object"
    LIST = "list"
    TEXT = "text"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonNode:
    """One value. `key` is its name in its object, None elsewhere; `text` what it is, without quotes.

    `count` of keys or items, of which `left_out` are not shown; of a text, `left_out` counts characters.
    """

    kind: NodeKind
    key: str | None
    text: str = ""
    children: tuple["JsonNode", ...] = ()
    count: int = 0
    left_out: int = 0
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonView:
    """A value to look at; `copy` is all of it as text, None when that is too long for a page."""

    root: JsonNode
    is_whole: bool
    copy: str | None

    @property
    def is_nested(self) -> bool:
        """Whether there is more to fold than the root."""
        return any(child.children for child in self.root.children)


def json_view(value: Any) -> JsonView:
    """The value as a tree of at most MOST_NODES nodes."""
    root, _ = _node(value, None, _plan(value), is_root=True)
    return JsonView(root=root, is_whole=_is_whole(root), copy=_copy(value))


def _copy(value: Any) -> str | None:
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    except TypeError:
        return None  # Nested deeper, or a number larger, than orjson writes.
    return text.decode() if len(text) <= LONGEST_COPY else None


def _plan(value: Any) -> dict[int, int]:
    """How many children each object and list shows, by its identity; those nearer to the root come first."""
    shown: dict[int, int] = {}
    left = MOST_NODES - 1
    waiting = deque([(value, 0)])
    while waiting:
        one, depth = waiting.popleft()
        fits = min(len(one), MOST_CHILDREN, left) if _has_children(one) and depth < DEEPEST else 0
        left -= fits
        shown[id(one)] = fits
        waiting.extend((child, depth + 1) for _, child in islice(_children(one), fits) if _has_children(child))
    return shown


def _node(value: Any, key: str | None, plan: dict[int, int], *, is_root: bool = False) -> tuple[JsonNode, int]:
    """The node of a value, and how many nodes it holds."""
    if not _has_children(value):
        return _leaf(value, key), 1
    fits = plan.get(id(value), 0)
    made = [_node(child, name, plan) for name, child in islice(_children(value), fits)]
    size = sum(nodes for _, nodes in made)
    node = JsonNode(
        kind=NodeKind.OBJECT if isinstance(value, dict) else NodeKind.LIST,
        key=key,
        children=tuple(child for child, _ in made),
        count=len(value),
        left_out=len(value) - fits,
        is_open=is_root or 0 < size <= _OPEN_UP_TO,
    )
    return node, size + 1


def _leaf(value: Any, key: str | None) -> JsonNode:
    if isinstance(value, str):
        left_out = max(0, len(value) - LONGEST_TEXT)
        return JsonNode(kind=NodeKind.TEXT, key=key, text=value[:LONGEST_TEXT], left_out=left_out)
    return JsonNode(kind=NodeKind.PLAIN, key=key, text=json.dumps(value))


def _has_children(value: Any) -> bool:
    return isinstance(value, dict | list) and len(value) > 0


def _children(value: Any) -> Iterator[tuple[str | None, Any]]:
    if isinstance(value, dict):
        yield from ((_short(key), child) for key, child in value.items())
    elif isinstance(value, list):
        yield from ((None, child) for child in value)


def _short(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else f"{key[: LONGEST_KEY - 1]}…"


def _is_whole(node: JsonNode) -> bool:
    return not node.left_out and all(map(_is_whole, node.children))
