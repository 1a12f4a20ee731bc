"""Which images of a set are looked at: few that show much, the same ones for the same seed."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

import msgspec

from yolokit.convert.steps.keep_sample import draw
from yolokit.labels.splits import order_splits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BACKGROUND = -1
_BACKGROUND_WEIGHT = 6  # one picture without labels is worth as many of another class


class Candidate(msgspec.Struct, frozen=True):
    """An image that may be chosen.

    Attributes:
        key: Its name, unique in the set.
        split: An empty text where it is of none.
        classes: Those in it, each once.
    """

    key: str
    split: str
    classes: tuple[int, ...]


def rank(candidates: Sequence[Candidate], seed: int) -> Iterator[str]:
    """Yield keys: splits take turns, and each time the class that was shown least is wanted.

    An image without labels counts as one of a class of its own. The order of images that serve
    alike depends on the seed and on their names alone.
    """
    drawn = sorted(candidates, key=lambda one: draw(one.key, seed, purpose=b"show"))
    waiting: dict[str, dict[int, deque[Candidate]]] = {}
    for one in drawn:
        queues = waiting.setdefault(one.split, {})
        for class_id in one.classes or (_BACKGROUND,):
            queues.setdefault(class_id, deque()).append(one)
    shown: Counter[int] = Counter()
    taken: set[str] = set()
    while waiting:
        for split in order_splits(waiting):
            found = _take_next(waiting[split], shown, taken)
            if found is None:
                del waiting[split]
                continue
            taken.add(found.key)
            shown.update(found.classes or (_BACKGROUND,))
            yield found.key


def _take_next(
    queues: dict[int, deque[Candidate]], shown: Counter[int], taken: set[str]
) -> Candidate | None:
    """Return the first image of the class that was shown least, None if none is left."""
    for class_id in [*queues]:
        queue = queues[class_id]
        while queue and queue[0].key in taken:
            queue.popleft()
        if not queue:
            del queues[class_id]
    if not queues:
        return None

    def urgency(class_id: int) -> tuple[int, bool, int, int]:
        is_background = class_id == _BACKGROUND
        weight = _BACKGROUND_WEIGHT if is_background else 1
        # Of those shown alike the rarest comes first: the common ones come by themselves.
        return shown[class_id] * weight, is_background, len(queues[class_id]), class_id

    return queues[min(queues, key=urgency)].popleft()
