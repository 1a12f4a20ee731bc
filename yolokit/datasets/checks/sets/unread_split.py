"""Splits that training does not read, which may be wrong all the same."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts

CODE = "unread-split"
TITLE = "problems in a split that training does not read"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "correct it before a model is measured on it"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each problem that would be refused in another split."""
    for name, split in facts.unused.items():
        for found in (*split.faults, *(Finding.of_error(CODE, one) for one in split.unusable)):
            message = f"{found.message} ({name}, which training does not read)"
            yield msgspec.structs.replace(found, code=CODE, message=message)
