"""Images that ultralytics would leave out, or fail on."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_image, of_entry, once_an_image
from yolokit.datasets.facts import DatasetFacts

CODE = "unusable-images"
TITLE = "images that cannot be used for training"
SEVERITY = "doubt"
PURPOSES = ("train", "source")
UNREADABLE = "unreadable-image"  # what the account of a source calls them
HINT = "fix or remove them; what is allowed is left out"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each of them, at the line of the list that names it if there is one."""
    for split in facts.splits.values():
        for error in split.unusable:
            yield Finding.of_error(CODE, error)
    for entry, _ in once_an_image(facts.account.entries, UNREADABLE):
        yield msgspec.structs.replace(of_entry(entry), code=CODE)
    if facts.purpose == "source":
        for image, path in enumerate(facts.table.images.paths):
            scan = facts.scans.get(path)
            if scan is not None and scan.problem is not None:
                yield at_image(facts, CODE, image, scan.problem)
