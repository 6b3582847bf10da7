"""JSON values as trees to browse."""

from typing import Any

import pytest

from herdbook.web import json_view as module
from herdbook.web.json_view import JsonNode, NodeKind, build_json_view

from .conftest import EXTREMES, HOSTILE


def count(node: JsonNode) -> int:
    return 1 + sum(map(count, node.children))


def depth(node: JsonNode) -> int:
    return 1 + max(map(depth, node.children), default=0)


def nested(levels: int) -> Any:
    value: Any = "core"
    for _ in range(levels):
        value = {"in": [value]}
    return value


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, NodeKind.PLAIN, "null"),
        (True, NodeKind.PLAIN, "true"),
        (-1.5, NodeKind.PLAIN, "-1.5"),
        (2**60, NodeKind.PLAIN, str(2**60)),
        ({}, NodeKind.PLAIN, "{}"),
        ([], NodeKind.PLAIN, "[]"),
        ("", NodeKind.TEXT, ""),
        ("a\nb", NodeKind.TEXT, "a\nb"),
    ],
)
def test_single_values(value: Any, kind: NodeKind, text: str) -> None:
    view = build_json_view(value)
    assert (view.root.kind, view.root.text, view.root.key) == (kind, text, None)
    assert view.is_complete
    assert view.source is not None


def test_objects_and_lists_keep_their_order_and_keys() -> None:
    root = build_json_view({"to": ["ada", 2], "": None}).root
    to, empty = root.children
    assert (root.kind, root.count, root.omitted, root.is_open) == (NodeKind.OBJECT, 2, 0, True)
    assert (to.kind, to.key, [one.text for one in to.children]) == (NodeKind.LIST, "to", ["ada", "2"])
    assert [one.key for one in to.children] == [None, None]
    assert (empty.key, empty.text) == ("", "null")
    assert build_json_view({"to": ["ada"]}).is_nested
    assert not build_json_view({"to": []}).is_nested


def test_small_values_are_expanded_and_large_ones_collapsed() -> None:
    small, big = build_json_view({"small": [1] * 20, "big": [1] * 21}).root.children
    assert (small.is_open, big.is_open) == (True, False)
    assert build_json_view([1] * 50).root.is_open, "there would be nothing to see"


def test_a_long_list_is_truncated_and_says_so() -> None:
    view = build_json_view(list(range(1_000)))
    assert len(view.root.children) == module.MAX_CHILDREN
    assert view.root.omitted == 1_000 - module.MAX_CHILDREN
    assert view.root.count == 1_000
    assert not view.is_complete


def test_many_nodes_are_truncated_far_from_the_root_first() -> None:
    view = build_json_view({f"list {number}": [{"a": 1, "b": 2}] * 90 for number in range(50)})
    assert count(view.root) == module.MAX_NODES
    assert len(view.root.children) == 50
    assert not view.is_complete
    last = view.root.children[-1]
    assert (last.count, last.omitted, last.children) == (90, 90, ())


def test_depth_has_a_limit() -> None:
    view = build_json_view(nested(15))
    assert depth(view.root) == module.MAX_DEPTH + 1
    assert not view.is_complete
    assert build_json_view(nested(10)).is_complete


def test_what_is_too_deep_to_serialise_is_still_shown() -> None:
    view = build_json_view(nested(400))
    assert view.source is None
    assert depth(view.root) == module.MAX_DEPTH + 1


def test_long_texts_and_keys_are_truncated() -> None:
    view = build_json_view({"k" * 300: "t" * 2_500})
    (child,) = view.root.children
    assert child.key is not None
    assert (len(child.key), child.key[-1]) == (module.MAX_KEY_LENGTH, "…")
    assert (len(child.text), child.omitted) == (module.MAX_TEXT_LENGTH, 500)
    assert not view.is_complete
    assert view.source is not None
    assert "t" * 2_500 in view.source


def test_what_is_too_long_cannot_be_copied() -> None:
    assert build_json_view("x" * (module.MAX_SOURCE_BYTES - 2)).source is not None
    assert build_json_view("x" * (module.MAX_SOURCE_BYTES - 1)).source is None


@pytest.mark.parametrize("text", EXTREMES)
def test_hostile_keys_and_values_are_unchanged(text: str) -> None:
    (child,) = build_json_view({HOSTILE: text}).root.children
    assert child.key == HOSTILE
    assert child.text == text[: module.MAX_TEXT_LENGTH]
