"""Images beside those of a source that are in none of its annotation files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts

CODE = "unlisted-images"
TITLE = "images without annotations"
SEVERITY = "warning"
PURPOSES = ("source",)
HINT = "label them, or export them as images without objects: they are not taken as background"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each of them."""
    for path in facts.account.unlisted:
        yield Finding(CODE, "it is in no annotation file", Path(path), image=path)
