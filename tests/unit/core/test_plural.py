"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from yolokit.core.plural import counted


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [
        (0, ("image",), "0 images"),
        (1, ("image",), "1 image"),
        (2, ("image",), "2 images"),
        (1, ("box", "boxes"), "1 box"),
        (12, ("box", "boxes"), "12 boxes"),
    ],
)
def test_counted(number: int, nouns: tuple[str, ...], text: str) -> None:
    assert counted(number, *nouns) == text
