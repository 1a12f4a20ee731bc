"""How many annotations a conversion may lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.labels.ledger import LedgerEntry, LedgerTotals

_SHOWN = 5
_CURES = {
    "missing-image": "say with --images where the images are, ",
    "six-columns": "take the first five columns alone with --assume sixth-column=ignore, ",
}


class MaxDrop(msgspec.Struct, frozen=True):
    """How many annotations may be dropped: a share in [0, 1] or a count."""

    share: float | None = None
    count: int | None = None

    @classmethod
    def parse(cls, text: str) -> MaxDrop:
        """Read ``0.5%`` as a share and ``12`` as a count.

        Raises:
            ValueError: It is neither.
        """
        text = text.strip()
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if not 0 <= share <= 1:
                raise ValueError(f"{text} is not a share between 0% and 100%")
            return cls(share=share)
        if not text.isdecimal():
            raise ValueError(f"{text!r} is neither a share such as 0.5% nor a count such as 12")
        return cls(count=int(text))

    def require(self, totals: LedgerTotals, entries: Sequence[LedgerEntry]) -> None:
        """Refuse an account of which too much was dropped, and show the first of that.

        Raises:
            DataError: More was dropped than this allows.
        """
        if self._allows(totals):
            return
        dropped = [entry for entry in entries if entry.action == "dropped"]
        lines = [f"  {entry.place}: {entry.message}" for entry in dropped[:_SHOWN]]
        if len(dropped) > _SHOWN:
            lines.append(f"  ... and {len(dropped) - _SHOWN} more")
        taken_in = counted(totals.annotations_in - totals.excluded, "annotation")
        codes = {entry.code for entry in dropped}
        cures = "".join(cure for code, cure in _CURES.items() if code in codes)
        head = (
            f"{totals.dropped} of {taken_in} ({totals.dropped_share:.2%}) would be "
            f"dropped, more than the limit of {self}; nothing was written:"
        )
        raise DataError(
            "\n".join([head, *lines]),
            hint=f"{cures}fix the source, or allow the loss with --max-drop (a share such as 2%, "
            "or a count)",
        )

    def _allows(self, totals: LedgerTotals) -> bool:
        if self.share is not None:
            return totals.dropped_share <= self.share
        return totals.dropped <= (self.count or 0)

    def __str__(self) -> str:
        return f"{self.share * 100:g}%" if self.share is not None else f"{self.count}"
