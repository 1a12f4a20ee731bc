"""Splits: recognise those of the source, or make seeded ones with every class in each.

The order in which images are dealt out comes from a keyed hash of their names, so that the same
names, classes and seed give the same splits on every machine and in every version of Python.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPLITS = ("train", "val", "test")
DEFAULT_SHARES = (0.8, 0.1, 0.1)

_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_BACKGROUND = -1


def split_from_name(name: str) -> str | None:
    """Return the split that a file or folder is called after, such as ``instances_val2017``.

    None if it names no split, or more than one.
    """
    words = re.findall(r"[a-z]+", name.lower())
    found = {_WORDS[word] for word in words if word in _WORDS}
    return found.pop() if len(found) == 1 else None


class SplitPlan(msgspec.Struct, frozen=True):
    """How images are to be split.

    Attributes:
        mode: ``auto`` keeps the source's splits and makes some where it has none, ``keep``
            keeps them and makes none, ``shares`` makes them in any case.
        shares: Of train, val and test; they add up to 1.
    """

    mode: str
    shares: tuple[float, float, float] = DEFAULT_SHARES

    @classmethod
    def parse(cls, text: str) -> SplitPlan:
        """Read ``auto``, ``keep``, or shares such as ``0.8,0.1,0.1`` and ``0.8,0.2``.

        Raises:
            ValueError: It is none of these, or the shares do not add up to 1.
        """
        if text in ("auto", "keep"):
            return cls(text)
        try:
            shares = [float(word) for word in text.split(",")]
        except ValueError:
            shares = []
        if not 1 <= len(shares) <= 3 or not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"{text!r} is neither auto, keep nor shares such as 0.8,0.1,0.1")
        if abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"the shares {text} add up to {sum(shares):g}, not to 1")
        train, val, test = [*shares, 0.0, 0.0][:3]
        return cls("shares", (train, val, test))


def stratify(
    classes_by_image: Mapping[str, Sequence[int]],
    shares: tuple[float, float, float],
    seed: int,
) -> dict[str, str]:
    """Deal images out to train, val and test so that each class is shared out alike.

    Each step takes the class with the fewest images left and gives one of them to the split that
    lacks most of that class. Splits get exactly their number of images, at least one each.

    Args:
        classes_by_image: Image to the classes in it; an empty one is a background image.
        shares: Of train, val and test.
        seed: Another one gives another split.

    Returns:
        Image to split.
    Source: Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-Label Data (2011).
    """
    order = sorted(classes_by_image, key=lambda name: _draw(name, seed))
    labels = {name: sorted(set(classes_by_image[name])) or [_BACKGROUND] for name in order}
    waiting: dict[int, list[str]] = {}
    for name in order:
        for label in labels[name]:
            waiting.setdefault(label, []).append(name)
    room = dict(zip(SPLITS, _quotas(len(order), shares), strict=True))
    wanted = {
        label: dict(zip(SPLITS, (len(names) * share for share in shares), strict=True))
        for label, names in waiting.items()
    }
    left = Counter({label: len(names) for label, names in waiting.items()})
    given: dict[str, str] = {}
    while left:
        rarest = min(left, key=lambda label: (left[label], label))
        for name in waiting[rarest]:
            if name in given:
                continue
            split = _needs_most(wanted[rarest], room)
            given[name] = split
            room[split] -= 1
            for label in labels[name]:
                wanted[label][split] -= 1
                left[label] -= 1
        del left[rarest]
    return given


def _needs_most(wanted: Mapping[str, float], room: Mapping[str, int]) -> str:
    free = [split for split in SPLITS if room[split] > 0]
    return max(free, key=lambda split: (wanted[split], room[split], -SPLITS.index(split)))


def _quotas(count: int, shares: Sequence[float]) -> list[int]:
    """Round shares to whole numbers that add up, none of them 0 where there are enough."""
    exact = [count * share for share in shares]
    quotas = [int(value) for value in exact]
    by_rest = sorted(range(len(shares)), key=lambda at: (quotas[at] - exact[at], at))
    for at in by_rest[: count - sum(quotas)]:
        quotas[at] += 1
    for at, share in enumerate(shares):
        largest = max(range(len(quotas)), key=lambda other: quotas[other])
        if share > 0 and quotas[at] == 0 and quotas[largest] > 1:
            quotas[at] += 1
            quotas[largest] -= 1
    return quotas


def _draw(name: str, seed: int) -> bytes:
    key = str(seed).encode()[:64]
    return hashlib.blake2b(name.encode(errors="surrogateescape"), key=key).digest()
