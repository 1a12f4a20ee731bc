"""Images that ultralytics would leave out, or fail on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts
from yolokit.labels.ledger import join_errors

CODE = "unusable-images"
TITLE = "images that cannot be used"
SEVERITY = "doubt"
PURPOSES = ("train",)
HINT = "fix or remove them; what is allowed is left out"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield one finding for all of them."""
    unusable = [error for split in facts.splits.values() for error in split.unusable]
    if unusable:
        joined = join_errors(unusable, "images cannot be used for training")
        path = Path(joined.path) if joined.path is not None else None
        yield Finding(CODE, joined.message, path, HINT)
