"""Watches the memory of a training from epoch to epoch, and tells once if it keeps growing."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from yolokit.core.events import Notice
from yolokit.core.plural import counted, describe_size
from yolokit.engine.hooks.toolkit import Hook
from yolokit.engine.memory import read_free_bytes, read_memory_bytes
from yolokit.engine.process import send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.engine.trainer import YolokitTrainer

# The first epochs fill caches and make workers; what an allocator keeps grows a little for long.
_SETTLING = 3
_WATCHED = 8
_LEAST_BYTES = 200_000_000
_LEAST_SHARE = 0.1
_FEW_FALLS = 1


class MemoryWatch(Hook):
    """Keeps the resident memory after each epoch of this process; a resumed run begins anew."""

    def __init__(self) -> None:
        self._seen: list[int] = []
        self._is_told = False

    def on_epoch_end(self, trainer: YolokitTrainer) -> None:
        """Look, and tell of growth once."""
        self._seen.append(read_memory_bytes())
        growth = find_growth(self._seen)
        if growth is None or self._is_told or not trainer.is_first:
            return
        self._is_told = True
        free, left = read_free_bytes(), trainer.epochs - trainer.epoch - 1
        need = growth * left
        end = f"at this rate the {counted(left, 'epoch')} left take {describe_size(need)} more"
        rest = f", and {describe_size(free)} are free" if need > free else ""
        send(
            Notice(
                f"memory keeps growing: {describe_size(self._seen[-1])} after epoch "
                f"{trainer.epoch + 1}, {describe_size(growth)} more with each; {end}{rest}. If it "
                "runs out, nothing but the epoch in progress is lost: `yolokit train --resume` "
                "goes on with fresh memory. Fewer `workers` or `--set cache=none` take less"
            )
        )


def find_growth(seen: Sequence[int]) -> int | None:
    """Return by how many bytes an epoch memory grows, or None where it does not keep growing.

    It does where it grew by a tenth, and by 200 MB, over the last eight epochs, falling at most
    once; the first three epochs do not count.

    Args:
        seen: Bytes after each epoch.
    """
    watched = seen[_SETTLING:][-_WATCHED:]
    if len(watched) < _WATCHED:
        return None
    grown = watched[-1] - watched[0]
    rises = sorted(after - before for before, after in pairwise(watched))
    falls = sum(rise <= 0 for rise in rises)
    if falls > _FEW_FALLS or grown < max(_LEAST_BYTES, _LEAST_SHARE * watched[0]):
        return None
    # In one or two leaps it may have been something else, as another loader for the last epochs.
    if sum(rises[-2:]) > grown / 2:
        return None
    return grown // (_WATCHED - 1)
