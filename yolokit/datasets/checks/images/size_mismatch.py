"""Images that have not the size that their annotations state."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import of_entry
from yolokit.datasets.facts import DatasetFacts

CODE = "size-mismatch"
TITLE = "images of another size than their annotations state"
SEVERITY = "warning"
PURPOSES = ("source",)
HINT = "put the images there that were labelled; boxes are rescaled where the aspect is the same"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each such image once."""
    for entry in facts.account.entries:
        if entry.code == CODE and entry.action == "noted":
            yield of_entry(entry)
