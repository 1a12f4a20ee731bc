"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from yolokit.core.plural import counted, share


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


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "0 of 5 images have"), (1, "1 of 5 images has"), (3, "3 of 5 images have")],
)
def test_share(part: int, text: str) -> None:
    assert share(part, "5 images", "has", "have") == text
