"""Messages, hints and help are plain English: `is not JSON`, never `is no JSON`."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "yolokit"

# `there is no file` and `is no longer` are English.
STILTED = re.compile(
    r"(?<!there )(?<!There )\b(?:is|are|was|were|be) no (?!longer\b|more\b|less\b|fewer\b)"
    r"|\btaken is\b"
)


def find_stilted(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string, docstrings included, that has a stilted phrase."""
    tree = ast.parse(source)
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in parts:
            continue
        text = _text_of(node)
        if STILTED.search(" ".join(text.split())):
            yield node.lineno, text  # type: ignore[attr-defined]


def _text_of(node: ast.AST) -> str:
    """Return the text of a string; a value within it counts as one word."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) or "{}" for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


@pytest.mark.parametrize(
    "planted",
    [
        '"this is no JSON"',
        'f"{path} is no folder"',
        'f"the `points` of {name} are no list"',
        '("the file is " "no video")',
        'f"{name} is not there; taken is {other}"',
        'def read():\n    """Raises:\n        DataError: It is no\n        text.\n    """',
    ],
)
def test_the_walk_finds_what_is_stilted(planted: str) -> None:
    assert list(find_stilted(planted))


@pytest.mark.parametrize(
    "fine",
    [
        '"this is not JSON"',
        'f"there is no folder {path}"',
        '"the data set is no longer there"',
        '"it has no boxes"',
        'f"{name} is not there; using {other}"',
    ],
)
def test_the_walk_passes_plain_english(fine: str) -> None:
    assert not list(find_stilted(fine))


def test_what_people_read_is_plain_english() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text!r}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in find_stilted(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)
