"""A message that counts something says so in the singular for one."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "yolokit"

# What messages count. Left out are `names`, which is a verb as well, and `bytes`, `numbers` and
# `values`, whose figures are limits and lengths of a format.
NOUNS = (
    "anchors annotations archives areas batches boxes categories cells classes columns corners "
    "crowds detections devices epochs faces files folders frames gaps groups heads holes ids "
    "images keypoints labels layers lines maps masks members mistakes notes objects outlines "
    "outputs packages pages parts paths pickles pictures points polygons predictions problems "
    "rectangles regions relations rings rows samples shapes skeletons sources splits steps streams "
    "tables tasks tensors things threads tracks videos"
)
# A number may have a few words before its noun: `3 of the 5 images`, `2 more images`.
BEFORE = "annotated CUDA drivable label labelled more optimizer other such text video"
COUNTS = re.compile(
    r" (?:of (?:its|the) )?"
    rf"(?:(?:{BEFORE.replace(' ', '|')}) )*(?:{NOUNS.replace(' ', '|')}|[a-z]+\(s\))(?![\w/])"
)

ALLOWED = {
    "noun if number == 1 else plural or noun + 's'",  # `counted` itself
}


def find_counts(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and expression of every number whose noun does not agree with it."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, text in zip(node.values, [*node.values[1:], None], strict=True):
            if not isinstance(value, ast.FormattedValue):
                continue
            expression = ast.unparse(value.value)
            after = text.value if isinstance(text, ast.Constant) else ""
            is_plural = COUNTS.match(str(after)) or _adds_an_s(value.value)
            if is_plural and not _is_settled(expression):
                yield node.lineno, expression


def _is_settled(expression: str) -> bool:
    """Whether the number is a constant (a limit, never one), or allowed."""
    return expression.replace("_", "").isupper() or expression in ALLOWED


def _adds_an_s(value: ast.expr) -> bool:
    return any(isinstance(node, ast.Constant) and node.value == "s" for node in ast.walk(value))


@pytest.mark.parametrize(
    "planted",
    [
        'f"{count} images"',
        'f"there are {len(names):,} more boxes in it"',
        'f"{part} of the {total} labelled parts"',
        'f"{count} of its files"',
        'f"torch sees {count} CUDA device(s)"',
        '"1 image" if count == 1 else f"{count} images"',
        "f\"{count} hole{'s' if count > 1 else ''} filled\"",
        '(f"it holds {count} "\nf"video streams")',
    ],
)
def test_the_walk_finds_a_number_before_a_plural(planted: str) -> None:
    assert list(find_counts(planted))


@pytest.mark.parametrize(
    "fine",
    [
        "f\"{counted(count, 'image')} left out\"",
        "f\"{counted(count, 'image has', 'images have')} no label\"",
        'f"more than {MAX_MEMBERS} files"',
        'f"{rate:.1f} images/s"',
        'f"{path} has images"',
    ],
)
def test_the_walk_passes_what_agrees(fine: str) -> None:
    assert not list(find_counts(fine))


def test_every_number_agrees_with_its_noun() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {{{expression}}}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, expression in find_counts(path.read_text("utf-8"))
    ]
    assert not found, "these want yolokit.core.plural.counted:\n" + "\n".join(found)


def test_what_is_allowed_is_still_there() -> None:
    text = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    assert [expression for expression in ALLOWED if f"{{{expression}}}" not in text] == []
