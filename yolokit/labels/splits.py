"""Splits and the order in which people name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SPLITS = ("train", "val", "test")


def name_folds(count: int) -> dict[str, float]:
    """Return the splits of a cross-validation with their equal shares."""
    return {f"fold-{number}": 1 / count for number in range(1, count + 1)}


def order_splits(splits: Iterable[str]) -> list[str]:
    """Return splits in the order in which people name them: train, val, test, then folds."""
    known = {split: at for at, split in enumerate(SPLITS)}
    return sorted(splits, key=lambda split: (known.get(split, len(known)), len(split), split))
