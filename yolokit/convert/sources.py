"""The sources of a conversion: unpacked, recognised, read, and put together into one data set."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from yolokit.convert.archive import content_root, is_archive, unpack
from yolokit.convert.option_checks import check_assumptions, check_task
from yolokit.convert.steps.map_classes import compose_names, merge_datasets
from yolokit.core.config import AUTO
from yolokit.core.task import Task
from yolokit.errors import ConfigError, DataError
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
    from yolokit.formats.toolkit.plugin import Format
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset


_RICHEST_FIRST = (Task.SEGMENT, Task.OBB, Task.DETECT)  # but for keypoints


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


def open_to_look(
    config: ConvertConfig, found: Path, ledger: Ledger, task: Task | None = None
) -> Opened:
    """Read a source to look at it, with all that its annotations have: outlines, keypoints.

    Args:
        config: Says how the source is to be read; its task does not count.
        found: The source, or where it was unpacked.
        ledger: Gets what is wrong with it.
        task: What the annotations are; None for what there is.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: It is broken or not recognised.
    """
    name, seen, unread = _recognise(config, found)
    module = load_format(name)
    assume = check_assumptions(config.assume, {name: module})
    if task is not None and task not in module.READS:
        held = ", ".join(module.READS)
        raise ConfigError(f"task: {name} holds nothing for {task}, only for {held}")
    images = Path(config.images).absolute() if config.images else None
    options = ReadOptions(images, config.labels_only, task or Task.DETECT, assume[name])
    read = _read_richest if task is None else _read_for
    dataset = read(module, found, options, ledger)
    evidence = tuple(ledger.shown(text) for text in (seen, *dataset.evidence))
    warnings = tuple(ledger.shown(text) for text in unread)
    return Opened(dataset, (name,), evidence, warnings)


def _read_richest(module: Format, found: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read keypoints where the source describes any, else outlines; say why no keypoints are."""
    opening = ledger.mark()
    without = []
    if Task.POSE in module.READS:
        try:
            dataset = _read_for(module, found, replace(options, task=Task.POSE), ledger)
        except DataError as error:  # keypoints may be at fault: anything else is met again
            without = [f"keypoints are left aside: {error.message}"]
        else:
            if dataset.pose is not None:
                return dataset
        ledger.rewind(opening)
    plain = next(one for one in _RICHEST_FIRST if one in module.READS)
    dataset = _read_for(module, found, replace(options, task=plain), ledger)
    return replace(dataset, evidence=(*dataset.evidence, *without))


def _read_for(module: Format, found: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    return compose_names(module.read(found, options, ledger))


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
