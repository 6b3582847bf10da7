"""JSON values as trees to browse, with limits so that a large value does not make a large page."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import orjson

MAX_NODES = 400
# Per object or list, so that one long list does not use up all nodes.
MAX_CHILDREN = 100
MAX_DEPTH = 20
MAX_TEXT_LENGTH = 2_000
MAX_KEY_LENGTH = 200
# Longer JSON is not put on the page for copying.
MAX_SOURCE_BYTES = 50_000
# Objects and lists with more nodes start collapsed.
_MAX_EXPANDED_NODES = 20


class NodeKind(StrEnum):
    """What a node is. PLAIN is a number, a boolean, null, or an empty object or list."""

    OBJECT = "object"
    LIST = "list"
    TEXT = "text"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonNode:
    """One value. `key` is its key in an object, None elsewhere; `text` is the value without quotes.

    `count` is the number of keys or items and `omitted` how many of them are not shown (characters, for a text).
    """

    kind: NodeKind
    key: str | None
    text: str = ""
    children: tuple["JsonNode", ...] = ()
    count: int = 0
    omitted: int = 0
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonView:
    """A value to browse; `source` is the whole of it as indented JSON, None when that is too long for a page."""

    root: JsonNode
    is_complete: bool
    source: str | None

    @property
    def is_nested(self) -> bool:
        """Whether there is more to collapse than the root."""
        return any(child.children for child in self.root.children)


def build_json_view(value: Any) -> JsonView:
    """The value as a tree of at most MAX_NODES nodes."""
    root, _ = _node(value, None, _plan(value), is_root=True)
    return JsonView(root=root, is_complete=_is_complete(root), source=_source(value))


def _source(value: Any) -> str | None:
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    except TypeError:
        return None  # Nested too deeply, or a number too large, for orjson.
    return text.decode() if len(text) <= MAX_SOURCE_BYTES else None


def _plan(value: Any) -> dict[int, int]:
    """How many children each object and list shows, by its `id()`; those nearer the root come first."""
    shown: dict[int, int] = {}
    left = MAX_NODES - 1
    pending = deque([(value, 0)])
    while pending:
        one, depth = pending.popleft()
        fits = min(len(one), MAX_CHILDREN, left) if _has_children(one) and depth < MAX_DEPTH else 0
        left -= fits
        shown[id(one)] = fits
        pending.extend((child, depth + 1) for _, child in islice(_children(one), fits) if _has_children(child))
    return shown


def _node(value: Any, key: str | None, plan: dict[int, int], *, is_root: bool = False) -> tuple[JsonNode, int]:
    """The node of a value, and how many nodes there are in it."""
    if not _has_children(value):
        return _leaf(value, key), 1
    fits = plan.get(id(value), 0)
    nodes = [_node(child, name, plan) for name, child in islice(_children(value), fits)]
    size = sum(count for _, count in nodes)
    node = JsonNode(
        kind=NodeKind.OBJECT if isinstance(value, dict) else NodeKind.LIST,
        key=key,
        children=tuple(child for child, _ in nodes),
        count=len(value),
        omitted=len(value) - fits,
        is_open=is_root or 0 < size <= _MAX_EXPANDED_NODES,
    )
    return node, size + 1


def _leaf(value: Any, key: str | None) -> JsonNode:
    if isinstance(value, str):
        omitted = max(0, len(value) - MAX_TEXT_LENGTH)
        return JsonNode(kind=NodeKind.TEXT, key=key, text=value[:MAX_TEXT_LENGTH], omitted=omitted)
    return JsonNode(kind=NodeKind.PLAIN, key=key, text=json.dumps(value))


def _has_children(value: Any) -> bool:
    return isinstance(value, dict | list) and len(value) > 0


def _children(value: Any) -> Iterator[tuple[str | None, Any]]:
    if isinstance(value, dict):
        yield from ((_short_key(key), child) for key, child in value.items())
    elif isinstance(value, list):
        yield from ((None, child) for child in value)


def _short_key(key: str) -> str:
    return key if len(key) <= MAX_KEY_LENGTH else f"{key[: MAX_KEY_LENGTH - 1]}…"


def _is_complete(node: JsonNode) -> bool:
    return not node.omitted and all(map(_is_complete, node.children))
