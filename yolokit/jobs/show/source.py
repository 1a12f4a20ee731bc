"""A source of any format, opened to be looked at: everything that its labels hold."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.convert.option_checks import check_assumptions
from yolokit.convert.sources import shown_places, unpack_source
from yolokit.convert.steps.map_classes import compose_names
from yolokit.core.config import AUTO, exists
from yolokit.core.task import Task
from yolokit.errors import ConfigError, DataError
from yolokit.formats.toolkit.locate import EXIF
from yolokit.formats.toolkit.plugin import ReadOptions, load_format, recognise
from yolokit.images.byte_range import read_bytes
from yolokit.images.files import decode_image, read_image
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.types import U8
    from yolokit.formats.toolkit.plugin import Format
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.labels.model import ImageRecord

_RICHEST_FIRST = (Task.SEGMENT, Task.OBB, Task.DETECT)


class Source(msgspec.Struct, frozen=True, eq=False):
    """What is looked at.

    Attributes:
        format: How it is written.
        evidence: What was concluded about it, one sentence each.
        exif: What labels of turned images were drawn on, one of ``EXIF``.
        ledger: Gets what cannot be shown.
    """

    dataset: Dataset
    format: str
    evidence: tuple[str, ...]
    exif: str
    ledger: Ledger


@contextmanager
def open_source(config: ShowConfig, scratch: Path) -> Iterator[Source]:
    """Open a source; what an archive holds is unpacked into a scratch folder that is there.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: It is broken, hostile or not recognised.
    """
    source, ledger = Path(config.source), Ledger()
    if not exists(source):
        raise DataError("there is no such file or folder", path=source)
    with shown_places(ledger):
        found = unpack_source(source, scratch / "source", ledger)
        name, seen = config.from_format, "as --from says"
        if name == AUTO:
            name, match = recognise(found)
            seen = match.evidence
        module = load_format(name)
        assume = check_assumptions(config.assume, {name: module}, config.JOB)[name]
        images = Path(config.images).absolute() if config.images else None
        options = ReadOptions(images, assume=assume)
        dataset = _read(module, name, found, config.task, options, ledger)
        evidence = (f"{module.TITLE}: {seen}", *dataset.evidence)
        exif = assume.get("exif", EXIF[0])
        yield Source(dataset, name, tuple(map(ledger.shown, evidence)), exif, ledger)


def _read(
    module: Format, name: str, found: Path, task: str, options: ReadOptions, ledger: Ledger
) -> Dataset:
    """Read for a task; ``auto`` takes keypoints where any are described, else all outlines."""
    if task != AUTO and task not in module.READS:
        held = ", ".join(module.READS)
        raise ConfigError(f"task: {name} holds nothing for {task}, only for {held}")
    opening = ledger.mark()
    if task in (AUTO, Task.POSE) and Task.POSE in module.READS:
        try:
            dataset = _read_for(Task.POSE, module, found, options, ledger)
        except DataError:
            if task == Task.POSE:
                raise
            # Only its keypoints may be at fault; if more is, the next reading says so.
        else:
            if dataset.pose is not None or task == Task.POSE:
                return dataset
        ledger.rewind(opening)
    plain = next(one for one in _RICHEST_FIRST if one in module.READS)
    return _read_for(plain if task == AUTO else Task(task), module, found, options, ledger)


def _read_for(
    task: Task, module: Format, found: Path, options: ReadOptions, ledger: Ledger
) -> Dataset:
    wanted = msgspec.structs.replace(options, task=task)
    return compose_names(module.read(found, wanted, ledger))


def read_pixels(image: ImageRecord) -> U8:
    """Decode an image that was found, upright: (H, W, 3) uint8 BGR.

    Raises:
        DataError: It cannot be read or decoded.
    """
    assert image.path is not None, "it was found"
    path = Path(image.path)
    if image.span is None:
        return read_image(path)
    content = np.frombuffer(read_bytes(path, image.span), np.uint8)
    if len(content) < image.span.length_bytes:
        raise DataError("it ends before an image in it does", path=path)
    return decode_image(content, path)
