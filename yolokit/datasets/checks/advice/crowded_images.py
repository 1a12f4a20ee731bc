"""Images with more objects than a model returns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import name_pair
from yolokit.datasets.facts import DatasetFacts

CODE = "crowded-images"
TITLE = "images with more objects than a model returns"
SEVERITY = "advice"
PURPOSES = ("train", "val", "source")
HINT = (
    "cut them with `yolokit data convert --tile 640`, or ask for more with `yolokit val --max-det` "
    "and `yolokit predict --max-det`"
)
_MAX_DET = 300


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield how many images have more than 300 objects, what a model returns by default.

    Source: ultralytics ``cfg/default.yaml``: ``max_det``.
    """
    table = facts.table
    objects = np.bincount(table.image_of, minlength=len(table.images))
    crowded = np.flatnonzero(objects > _MAX_DET)
    if len(crowded):
        first = name_pair(facts, int(crowded[0]), int(crowded[0]))
        have = counted(len(crowded), "image has", "images have")
        yield f"{have} more than {_MAX_DET} objects, the most {objects.max()}{first}"
