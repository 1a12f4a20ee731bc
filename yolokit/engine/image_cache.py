"""Whether decoded images have room in memory, for ``cache: ram``."""

from __future__ import annotations

from typing import Any

from yolokit.core.events import Notice
from yolokit.core.plural import counted, describe_size
from yolokit.engine.memory import read_free_bytes
from yolokit.engine.process import send

_LOOKED_AT = 30


def has_room_for_images(dataset: Any, safety_margin: float = 1.0) -> bool:
    """Tell whether the images of a data set fit into memory, and say so if they do not.

    Upstream asks for the memory of the machine; a container may have less, and is killed. It says
    nothing of what it then does not do, and takes random images, which changes what follows.

    Args:
        dataset: Upstream's.
        safety_margin: What must be left beside them, as a share of what they take.
    """
    chosen = range(0, dataset.ni, max(1, dataset.ni // _LOOKED_AT))
    looked_at = [dataset.load_image(index)[0].nbytes for index in chosen]
    need = sum(looked_at) * dataset.ni // len(looked_at)
    free = read_free_bytes()
    if need * (1 + safety_margin) <= free:
        return True
    dataset.cache = None
    send(
        Notice(
            f"cache has no effect: {counted(dataset.ni, 'image')} at imgsz {dataset.imgsz} take "
            f"{describe_size(need)} of memory, and {describe_size(free)} are free, of which "
            "training needs as much again; a smaller --imgsz takes less"
        )
    )
    return False
