"""Classes are found in a source by their names, and by nothing else."""

from __future__ import annotations

import pytest

from yolokit.engine.network.classes import match_classes

UNKNOWN = "class rows: the source knows no class of these names"
NOTE = "; names such as 0 or class1 are placeholders and match nothing"


@pytest.mark.parametrize(
    ("names", "source_names", "sources", "action", "reason"),
    [
        (["a", "b"], ["a", "b"], (0, 1), "taken", ""),
        (["A", "b "], ["a", "b"], (0, 1), "taken", ""),
        (["b", "a"], ["a", "b"], (1, 0), "reshaped", "class rows of b, a by name"),
        (["c", "d"], ["a", "b"], (None, None), "fresh", UNKNOWN),
        (
            ["cat", "b"], ["a", "b", "x"], (None, 1), "reshaped",
            "class rows of b by name, the others fresh",
        ),
        (["a"], ["a", "b"], (0,), "reshaped", "class rows of a by name"),
        # Equal but for case: an equal name comes first, and nothing is shared.
        (["Car", "car"], ["car"], (None, 0), "reshaped",
         "class rows of car by name, the others fresh"),
        (["Car", "car"], ["car", "Car"], (1, 0), "reshaped", "class rows of Car, car by name"),
        (["CAR"], ["car", "Car"], (None,), "fresh", UNKNOWN),
        (["Car", "CAR"], ["car", "x"], (None, None), "fresh", UNKNOWN),
        # Placeholders: the whole list, in the same order, or nothing.
        (["0", "1"], ["0", "1"], (0, 1), "taken",
         "class rows: all names are placeholders, but the same in the same order"),
        (["0", "1"], ["0", "1", "2"], (None, None), "fresh", UNKNOWN + NOTE),
        (["1", "0"], ["0", "1"], (None, None), "fresh", UNKNOWN + NOTE),
        (["class0", "cat"], ["cat", "class0"], (None, 0), "reshaped",
         "class rows of cat by name, the others fresh" + NOTE),
        (["Class 1"], ["class 1"], (None,), "fresh", UNKNOWN + NOTE),
        # Two of the same name in a source stand for nothing.
        (["a"], ["a", "a"], (None,), "fresh", UNKNOWN),
        (
            list("gfedcba"), list("abcdefg"), (6, 5, 4, 3, 2, 1, 0), "reshaped",
            "class rows of g, f, e, d, c, b and 1 more by name",
        ),
    ],
)  # fmt: skip
def test_matches(
    names: list[str], source_names: list[str], sources: tuple[int | None, ...], action: str,
    reason: str,
) -> None:  # fmt: skip
    match = match_classes(names, source_names)
    assert match.sources == sources
    assert (match.action, match.reason) == (action, reason)
