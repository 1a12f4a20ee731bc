"""The class numbers of label rows, each a line or key of a list of names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.types import I64
    from yolokit.datasets.label_rows import LabelRows
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import SourceFile

CLASS_BASE = ("0", "1")
"""What ``--assume class-base`` may be: whether the first class is number 0, or 1."""


class ClassIds:
    """Turns class numbers into indices of categories.

    Args:
        index: Number of a class, as its list of names counts, to its index.
        names_file: What that list is called in messages.
        base: One of ``CLASS_BASE``, as the user states it; None for 0.
        ledger: Gets rows whose class has no name.
    """

    def __init__(
        self, index: Mapping[int, int], names_file: str, base: str | None, ledger: Ledger
    ) -> None:
        self._base = int(base or CLASS_BASE[0])
        self._index = {number + self._base: at for number, at in index.items()}
        self._names_file = names_file
        self._ledger = ledger

    @property
    def evidence(self) -> str:
        """What the numbers are taken as, as one sentence."""
        low, high = min(self._index, default=0), max(self._index, default=0)
        return (
            f"class {low} is the first of {self._names_file} and {high} the last "
            f"(--assume class-base={1 - self._base} if labels count from {1 - self._base})"
        )

    def to_indices(self, rows: LabelRows, source: SourceFile) -> tuple[LabelRows, I64]:
        """Return rows with the index of each; those of unknown classes are dropped."""
        found = [self._index.get(class_id, -1) for class_id in rows.class_ids.tolist()]
        indices: I64 = np.array(found, np.int64)
        known = np.asarray(indices >= 0)
        if known.all():
            return rows, indices
        for at in np.flatnonzero(~known).tolist():
            number = int(rows.class_ids[at])
            message = f"class {number} has no name in {self._names_file}"
            if self._base == 0 and number - 1 in self._index:
                message += "; do its labels count from 1 (--assume class-base=1)?"
            line = int(rows.lines[at])
            self._ledger.record(source, line, "dropped", "unknown-class", message)
        return rows.take(known), indices[known]
