"""Images that are very wide or very high."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_image
from yolokit.datasets.facts import DatasetFacts

CODE = "extreme-aspect"
TITLE = "images that are very wide or very high"
SEVERITY = "warning"
PURPOSES = ("train", "source")
HINT = "cut them into tiles with `yolokit data convert --tile`, or train at a higher --imgsz"
_MOST = 5.0  # long side over short side: four fifths of the network's input are padding


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each image whose sides differ by more than that."""
    wh_px = facts.table.images.wh_px
    longest, shortest = wh_px.max(axis=1, initial=0), wh_px.min(axis=1, initial=1 << 40)
    for image in np.flatnonzero((shortest > 0) & (longest > _MOST * shortest)).tolist():
        width, height = wh_px[image].tolist()
        left_px = round(min(width, height) * facts.imgsz / max(width, height))
        message = (
            f"{width}x{height} px: at imgsz {facts.imgsz} its short side is {left_px} px, and the "
            "rest is padding"
        )
        yield at_image(facts, CODE, image, message)
