"""What several checks share."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts


def find_no_boxes(
    facts: DatasetFacts, name: str, code: str, consequence: str, hint: str
) -> Iterator[Finding]:
    """Yield a finding if a split has images and no box; the consequence ends its sentence."""
    split = facts.splits.get(name)
    if split is None or split.counts.boxes or not split.used:
        return
    message = f"{name} has no box in its {counted(len(split.used), 'image')}: {consequence}"
    if split.has_no_label_file:
        message += f" (the first label file looked for is {split.missing[0]})"
        hint = split.hint_at_labels()
    yield Finding(code, message, facts.path, hint)
