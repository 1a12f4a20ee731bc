"""Outlines, of which a detector knows only the box around."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.datasets.facts import DatasetFacts

CODE = "outlines"
TITLE = "outlines in place of boxes"
SEVERITY = "warning"
PURPOSES = ("train", "val")
HINT = "`yolokit data convert --task detect` turns them into boxes, each accounted for"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split with outlines; rotated boxes are refused where they are trained on."""
    for split in facts.splits.values():
        is_told = split.has_rotated_boxes and facts.purpose == "train"
        is_told = is_told or any(split.faults_of("mixed-rows"))
        if split.outlines and not is_told:
            yield split.describe_outlines()
