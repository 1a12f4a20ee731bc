"""The sources of a conversion: unpacked, recognised, read, and put together into one data set."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from yolokit.convert.archive import content_root, is_archive, unpack
from yolokit.convert.option_checks import check_assumptions, check_task
from yolokit.convert.steps.map_classes import compose_names, merge_datasets
from yolokit.core.config import AUTO
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.plugin import (
    ReadOptions,
    describe_unread,
    load_format,
    recognise,
    sniff_formats,
)
from yolokit.labels.model import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.convert.config import ConvertConfig
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset


class Opened(NamedTuple):
    """What was read.

    Attributes:
        evidence: What was concluded about them, one sentence each.
        warnings: What is beside it and is not read, one sentence each.
    """

    dataset: Dataset
    formats: tuple[str, ...]
    evidence: tuple[str, ...]
    warnings: tuple[str, ...]


def open_sources(config: ConvertConfig, scratch: Path, ledger: Ledger) -> Opened:
    """Read all sources of a conversion as one data set.

    What has to be unpacked goes into the scratch folder, which outlives the data set.

    Raises:
        ConfigError: An option does not fit a source.
        DataError: A source is broken, hostile or not recognised.
    """
    opened: list[tuple[Path, str, str]] = []
    warnings: list[str] = []
    for number, source in enumerate(config.sources):
        found = unpack_source(source, scratch / str(number), ledger)
        name, seen, unread = _recognise(config, found)
        opened.append((found, name, seen))
        warnings += [ledger.shown(f"{source}: {text}") for text in unread]
    formats = {name: load_format(name) for _, name, _ in opened}
    assume = check_assumptions(config.assume, formats)
    datasets: list[Dataset] = []
    evidence: list[str] = []
    for source, (found, name, seen) in zip(config.sources, opened, strict=True):
        check_task(config, name, formats[name])
        images = Path(config.images).absolute() if config.images else None
        options = ReadOptions(images, config.labels_only, Task(config.task), assume[name])
        dataset = compose_names(formats[name].read(found, options, ledger))
        if config.task == Task.POSE and dataset.pose is None:
            raise DataError("no keypoints are described in it", path=source)
        label = f"{source}: " if len(config.sources) > 1 else ""
        evidence += [ledger.shown(label + text) for text in (seen, *dataset.evidence)]
        datasets.append(dataset)
    forced = config.split not in ("auto", "keep") or bool(config.folds)
    merged = merge_datasets(
        datasets,
        list(map(str, config.sources)),
        splits_matter=not forced,
        poses_matter=config.task == Task.POSE,
    )
    return Opened(merged, tuple(name for _, name, _ in opened), tuple(evidence), tuple(warnings))


def _recognise(config: ConvertConfig, found: Path) -> tuple[str, str, list[str]]:
    """Return the format of a source, the evidence for it, and what else is there."""
    if config.from_format == AUTO:
        name, match = recognise(found)
        seen = f"{load_format(name).TITLE}: {match.evidence}"
        return name, seen, describe_unread(found, name, {})
    name = config.from_format
    others = {other: match for other, match in sniff_formats(found).items() if other != name}
    seen = f"{load_format(name).TITLE}: as --from says"
    return name, seen, describe_unread(found, name, others)


def unpack_source(source: Path, folder: Path, ledger: Ledger) -> Path:
    """Return the folder or file to read: the source itself, or what an archive holds.

    Raises:
        DataError: The archive is damaged, hostile or empty.
    """
    if not is_archive(source):
        return source.absolute()
    folder.mkdir()
    ledger.show_as(os.fspath(folder.absolute()), os.fspath(source))
    shown = SourceFile(os.fspath(source))
    if not unpack(source, folder, lambda told: ledger.note(shown, None, "archive-names", told)):
        raise DataError("the archive holds no file", path=source)
    return content_root(folder.absolute())


@contextmanager
def shown_places(ledger: Ledger) -> Iterator[None]:
    """Say in errors where a file is in its archive, not where it was unpacked."""
    try:
        yield
    except DataError as error:
        error.message = ledger.shown(error.message)
        if error.path is not None:
            error.path = ledger.shown(os.fspath(error.path))
        raise
