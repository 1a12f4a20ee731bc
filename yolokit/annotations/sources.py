"""The sources of a conversion: unpacked, recognised, read, and put together into one data set."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from yolokit.annotations.archive import content_root, is_archive, unpack
from yolokit.annotations.class_map import merge_datasets
from yolokit.annotations.convert_config import (
    AUTO,
    ConvertConfig,
    check_assumptions,
    check_task,
)
from yolokit.annotations.plugin import ReadOptions, load_format, recognise
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolokit.annotations.ledger import Ledger
    from yolokit.annotations.model import Dataset


class Opened(NamedTuple):
    """What was read.

    Attributes:
        dataset: All sources as one.
        formats: The format of each.
        evidence: What was concluded about them, one sentence each.
    """

    dataset: Dataset
    formats: tuple[str, ...]
    evidence: tuple[str, ...]


def open_sources(config: ConvertConfig, scratch: Path, ledger: Ledger) -> Opened:
    """Read all sources of a conversion as one data set.

    Args:
        config: The options.
        scratch: Folder for what has to be unpacked; it outlives the data set.
        ledger: Gets what is no annotation of the task.

    Raises:
        ConfigError: An option does not fit a source.
        DataError: A source is broken, hostile or not recognised.
    """
    datasets: list[Dataset] = []
    formats: list[str] = []
    evidence: list[str] = []
    for number, source in enumerate(config.sources):
        found = _unpacked(source, scratch / str(number), ledger)
        name, dataset, seen = _read(config, source, found, ledger)
        label = f"{source}: " if len(config.sources) > 1 else ""
        evidence += [ledger.shown(label + text) for text in (*seen, *dataset.evidence)]
        datasets.append(dataset)
        formats.append(name)
    forced = config.split not in ("auto", "keep") or bool(config.folds)
    merged = merge_datasets(datasets, list(map(str, config.sources)), splits_matter=not forced)
    return Opened(merged, tuple(formats), tuple(evidence))


def _read(
    config: ConvertConfig, source: Path, found: Path, ledger: Ledger
) -> tuple[str, Dataset, Sequence[str]]:
    """Recognise and read one source; return its format, and what that was told by."""
    if config.from_format == AUTO:
        name, match = recognise(found)
        seen = f"{load_format(name).TITLE}: {match.evidence}"
    else:
        name = config.from_format
        seen = f"{load_format(name).TITLE}: as --from says"
    module = load_format(name)
    check_task(config, name, module)
    assume = check_assumptions(config.assume, name, module)
    images = config.images.absolute() if config.images else None
    options = ReadOptions(images, config.labels_only, config.task, assume)
    dataset = module.read(found, options, ledger)
    if config.task == "pose" and dataset.pose is None:
        raise DataError("no keypoints are described in it", path=source)
    return name, dataset, (seen,)


def _unpacked(source: Path, folder: Path, ledger: Ledger) -> Path:
    """Return the folder or file to read: the source itself, or what an archive holds."""
    if not is_archive(source):
        return source.absolute()
    folder.mkdir()
    ledger.show_as(os.fspath(folder.absolute()), os.fspath(source))
    if not unpack(source, folder):
        raise DataError("the archive holds no file", path=source)
    return content_root(folder.absolute())


@contextmanager
def shown_places(ledger: Ledger) -> Iterator[None]:
    """Say in errors where a file stands in its archive, not where it was unpacked."""
    try:
        yield
    except DataError as error:
        error.message = ledger.shown(error.message)
        if error.path is not None:
            error.path = ledger.shown(os.fspath(error.path))
        raise
