"""Images that annotations name and that are not there."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import of_entry, once_an_image
from yolokit.datasets.facts import DatasetFacts

CODE = "missing-image"
TITLE = "images that were not found"
SEVERITY = "doubt"
PURPOSES = ("source",)
HINT = "say with --images where the images are"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each such image once, with how many annotations it had."""
    for entry, count in once_an_image(facts.account.entries, CODE):
        found = of_entry(entry)
        if count > 1:
            message = f"{found.message} (it has {counted(count, 'annotation')})"
            found = msgspec.structs.replace(found, message=message)
        yield found
