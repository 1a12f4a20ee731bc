"""The job ``data fix``: the safe mends of a data set, made in a new folder, each in a ledger."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.convert.config import ConvertConfig
from yolokit.core.events import OnEvent, ignore
from yolokit.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolokit.convert.job import ConvertResult
    from yolokit.core.types import F64
    from yolokit.jobs.fix_config import FixConfig
    from yolokit.labels.model import LabelledImage

_LOOKED_AT = 500
_STRAIGHT = 0.01  # of a side: corners this far from the box around them still lie on it


def fix_data(config: FixConfig, on_event: OnEvent = ignore) -> ConvertResult:
    """Mend a data set; the new folder appears whole or not at all, and the old one stays.

    Left out, with an entry in the ledger: images that cannot be decoded whole; in train, pictures
    that val or test have as well; pictures that are there twice with the same labels; labels
    that are there twice; and what a conversion clips or drops anyway, such as boxes outside their
    image. Outlines among boxes become boxes.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: The source is broken, not recognised, or too much of it would be dropped.
        OutputExistsError: ``out`` exists and is not to be replaced.
    """
    from yolokit.convert.job import convert

    values: dict[str, Any] = msgspec.structs.asdict(config) | {"mend": True, "task": Task.DETECT}
    wanted = ConvertConfig.build(values)
    task = tell_task(wanted) if config.task is None else Task(config.task)
    return convert(msgspec.structs.replace(wanted, task=task), on_event)


def tell_task(config: ConvertConfig) -> Task:
    """Tell from a source's labels what task they are for; outlines among boxes are for none."""
    from yolokit.convert.sources import open_to_look, unpack_source
    from yolokit.files.atomic import scratch_folder
    from yolokit.labels.ledger import Ledger

    ledger = Ledger()
    with scratch_folder(config.folder.with_name(config.folder.name + "-looked-at")) as scratch:
        found = unpack_source(config.sources[0], scratch / "source", ledger)
        dataset = open_to_look(config, found, ledger).dataset
        if dataset.pose is not None:
            return Task.POSE
        return _tell_by_shapes(islice(dataset.iter_images(), _LOOKED_AT))


def _tell_by_shapes(images: Iterable[LabelledImage]) -> Task:
    rows = rotated = 0
    rings: list[F64] = []
    for labelled in images:
        rows += len(labelled.annotations)
        for shape in labelled.annotations.shapes.values():
            rings.append(shape.rings[0])
            rotated += shape.kind == "rotated"
    if not rings or len(rings) < rows:
        return Task.DETECT
    corners = [ring for ring in rings if len(ring) == 4]
    if rotated == len(rings) or (len(corners) == len(rings) and any(map(_leans, corners))):
        return Task.OBB
    return Task.SEGMENT


def _leans(ring: F64) -> bool:
    """Tell whether four points are not the corners of an upright box."""
    low, high = ring.min(axis=0), ring.max(axis=0)
    to_edges = np.minimum(ring - low, high - ring)
    return bool((to_edges > _STRAIGHT * (high - low)).any())
