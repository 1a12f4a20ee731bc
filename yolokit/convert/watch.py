"""What a conversion observes on its way, to say finally what cannot be right and what is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.convert.findings import BoxDoubts, find_nothing_kept
from yolokit.convert.leftovers import Leftovers

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.convert.steps.join_pictures import Pictures
    from yolokit.core.findings import Finding
    from yolokit.labels.ledger import Ledger

# Images that were left out for one of these reasons are in the ledger.
_LEFT_OUT = frozenset(
    {"in-no-split", "no-annotation-file", "not-listed", "not-sampled", "unreadable-image"}
)


class Watch:
    """Boxes, pictures and leftovers of a conversion of one or more passes.

    Args:
        source: Name of the data set in findings.
        pictures: What is known of pictures that come again.
    """

    def __init__(self, source: Path, pictures: Pictures) -> None:
        self._source = source
        self.pictures = pictures
        self.start_pass()

    def start_pass(self) -> None:
        """Begin again, except for what is known of pictures."""
        self.boxes = BoxDoubts()
        self.leftovers = Leftovers()

    def find(self, ledger: Ledger) -> list[Finding]:
        """Return what cannot be right, of the ledger's account too."""
        kept = find_nothing_kept(ledger.totals, ledger.codes(), self._source)
        boxes = (msgspec.structs.replace(one, path=self._source) for one in self.boxes.find())
        return [*ledger.findings, *kept, *boxes, *self.pictures.find(self._source)]

    def tell(self, ledger: Ledger) -> list[str]:
        """Return what is odd, one sentence each."""
        told = {key.partition(": ")[2] for key in ledger.codes()} & _LEFT_OUT
        leftovers = () if told else self.leftovers.tell()
        return [*self.boxes.tell(), *self.pictures.tell(), *leftovers]
