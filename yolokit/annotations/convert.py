"""The job ``data convert``: one data set in, one out, and an account of every annotation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.annotations.assign import deal_out, exclude_unsplit, set_splits
from yolokit.annotations.convert_config import (
    AUTO,
    ConvertConfig,
    check_assumptions,
    check_task,
)
from yolokit.annotations.counts import SplitCounter, SplitCounts
from yolokit.annotations.frame import locate_images, require_sizes
from yolokit.annotations.ledger import Ledger, LedgerTotals, MaxDrop
from yolokit.annotations.model import Dataset, LabelledImage, SourceFile
from yolokit.annotations.output_names import OutputNames
from yolokit.annotations.place import place_image
from yolokit.annotations.plugin import Format, ReadOptions, load_format, recognise
from yolokit.annotations.reduce import Reduction, reduce_annotations
from yolokit.annotations.settle import settle_boxes
from yolokit.annotations.split import SPLITS, SplitPlan
from yolokit.core.files import publish_folder
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from yolokit.annotations.embedded import Span


LEDGER_FILE = "ledger.jsonl"


class ConvertResult(msgspec.Struct, frozen=True):
    """What a conversion did.

    Attributes:
        out: The folder that was made.
        from_format: The format that was read.
        to_format: The format that was written.
        evidence: What was concluded about the source, one sentence each.
        names: The classes, by index.
        splits: Split to what it holds.
        totals: The ledger's counts.
        codes: How often each reason occurs in the ledger.
        warnings: What the user should know, one sentence each.
    """

    out: Path
    from_format: str
    to_format: str
    evidence: tuple[str, ...]
    names: tuple[str, ...]
    splits: Mapping[str, SplitCounts]
    totals: LedgerTotals
    codes: Mapping[str, int]
    warnings: tuple[str, ...] = ()


def convert(
    config: ConvertConfig,
    *,
    on_start: Callable[[str, int | None], None] = lambda _stage, _total: None,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> ConvertResult:
    """Convert a data set; the output folder appears whole or not at all.

    Args:
        config: Made by :meth:`ConvertConfig.build`.
        on_start: Called as a stage begins, with its name and the number of images if known.
        on_progress: Called with the number of images done in this stage.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: The source is broken, not recognised, or too much of it would be dropped.
        OutputExistsError: ``out`` exists and is not to be replaced.
    """
    name, evidence = _choose_format(config)
    source_format = load_format(name)
    check_task(config, name, source_format)
    assume = check_assumptions(config.assume, name, source_format)
    ledger = Ledger()
    images = config.images.absolute() if config.images else None
    options = ReadOptions(images, config.labels_only, config.task, assume)
    on_start("reading", None)
    dataset = source_format.read(config.source.absolute(), options, ledger)
    _require_pose(config, dataset)
    evidence = (*evidence, *dataset.evidence)
    with publish_folder(config.out, overwrite=config.overwrite) as folder:
        run = _Run(config, dataset, ledger, folder, on_start, on_progress)
        counts = run.write_set()
        totals = ledger.close(MaxDrop.parse(config.max_drop))
        result = ConvertResult(
            config.out,
            name,
            config.to_format,
            evidence,
            dataset.names,
            counts,
            totals,
            ledger.codes(),
            tuple(_warnings(config, counts, dataset.names)),
        )
        ledger.write(folder / LEDGER_FILE, _summary(config, result))
    return result


def _require_pose(config: ConvertConfig, dataset: Dataset) -> None:
    if config.task == "pose" and dataset.pose is None:
        raise DataError("no keypoints are described in it", path=config.source)


def _choose_format(config: ConvertConfig) -> tuple[str, tuple[str, ...]]:
    if config.from_format != AUTO:
        title = load_format(config.from_format).TITLE
        return config.from_format, (f"{title}: as --from says",)
    name, match = recognise(config.source)
    return name, (f"{load_format(name).TITLE}: {match.evidence}",)


class _Run:
    """One pass, or two where splits are made, from the source to the folder that is built."""

    def __init__(
        self,
        config: ConvertConfig,
        dataset: Dataset,
        ledger: Ledger,
        folder: Path,
        on_start: Callable[[str, int | None], None],
        on_progress: Callable[[int], None],
    ) -> None:
        self._config = config
        self._dataset = dataset
        self._ledger = ledger
        self._folder = folder
        self._on_start = on_start
        self._on_progress = on_progress
        self._target: Format = load_format(config.to_format)
        self._plan = SplitPlan.parse(config.split)
        self._keeps_splits = dataset.has_splits and self._plan.mode != "shares"
        self._counts: dict[str, SplitCounter] = {}
        self._placed: dict[tuple[str, Span | None], str] = {}
        self._made: set[Path] = set()
        self._places: dict[str, tuple[str, OutputNames]] = {}

    def write_set(self) -> dict[str, SplitCounts]:
        """Write annotations and images, and return what was written.

        Raises:
            DataError: There is no image, or a file cannot be written.
        """
        images = self._iter_split()
        self._on_start("converting", self._dataset.image_count)

        def iter_images() -> Iterator[LabelledImage]:
            for done, labelled in enumerate(images, 1):
                yield self._put(labelled)
                if done % 64 == 0:
                    self._on_progress(done)

        pose = self._dataset.pose if self._config.task == "pose" else None
        settled = msgspec.structs.replace(
            self._dataset, iter_images=iter_images, task=self._config.task, pose=pose
        )
        try:
            self._target.write(settled, self._folder, self._remarks())
        except OSError as error:
            raise DataError(
                f"cannot write the set: {error.strerror}", path=error.filename
            ) from error
        if not self._counts:
            raise DataError(
                "no image was found in it" + self._first_reason(), path=self._config.source
            )
        return {split: self._counts[split].freeze() for split in SPLITS if split in self._counts}

    def _iter_settled(self) -> Iterator[LabelledImage]:
        images: Iterable[LabelledImage] = self._dataset.iter_images()
        if self._keeps_splits:
            images = exclude_unsplit(images, self._ledger)
        if self._config.labels_only:
            images = require_sizes(images, self._ledger)
        else:
            images = locate_images(images, self._ledger)
        reduction = Reduction(
            self._config.task, self._config.boxes_as_outlines, not self._target.MANY_OUTLINES
        )
        whole = SourceFile(os.fspath(self._config.source))
        images = reduce_annotations(images, reduction, whole, self._ledger)
        return settle_boxes(images, self._ledger)

    def _iter_split(self) -> Iterator[LabelledImage]:
        """Yield settled images with their splits; to make splits, one pass goes ahead."""
        if self._keeps_splits:
            return self._iter_settled()
        if self._plan.mode == "keep":
            return set_splits(self._iter_settled(), None)
        opening = self._ledger.mark()
        self._on_start("looking at classes", self._dataset.image_count)
        splits = deal_out(self._iter_settled(), self._plan, self._config.seed)
        self._ledger.rewind(opening)
        return set_splits(self._iter_settled(), splits)

    def _put(self, labelled: LabelledImage) -> LabelledImage:
        """Give an image its name in the set, put its file there, and count it."""
        split = labelled.image.split or "train"
        if split not in self._counts:
            self._start_split(split)
        place, names = self._places[split]
        name = names.assign(labelled.image.file_name)
        if name != labelled.image.file_name:
            self._ledger.note(
                labelled.image.source, None, "renamed", f"{labelled.image.file_name} -> {name}"
            )
        if labelled.image.path is not None and not self._config.labels_only:
            target = self._folder.joinpath(place, *name.split("/"))
            if target.parent not in self._made:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(target.parent)
            self._note_duplicate(labelled, f"{place}/{name}")
            place_image(labelled.image.path, target, self._config.link, labelled.image.span)
        self._counts[split].add(labelled.annotations.category_indices)
        if name == labelled.image.file_name:
            return labelled
        record = msgspec.structs.replace(labelled.image, file_name=name)
        return LabelledImage(record, labelled.annotations)

    def _start_split(self, split: str) -> None:
        place = self._target.IMAGE_FOLDER.format(split=split)
        names = dict(self._places.values()).get(place)  # VOC has one folder for all splits
        self._places[split] = place, names or OutputNames()
        self._counts[split] = SplitCounter(len(self._dataset.categories))

    def _note_duplicate(self, labelled: LabelledImage, name: str) -> None:
        path = labelled.image.path or ""
        first = self._placed.setdefault((path, labelled.image.span), name)
        if first != name:
            message = f"{path} stands in the set twice: as {first} and {name}"
            self._ledger.note(labelled.image.source, None, "image-twice", message)

    def _remarks(self) -> list[str]:
        remarks = ["Made by `yolokit data convert`; ledger.jsonl says what became of each label."]
        if self._config.labels_only:
            folder = self._target.IMAGE_FOLDER.format(split="<split>")
            remarks.append(f"Labels only: put the images into {folder} beside this file.")
        elif self._config.link != "copy":
            remarks.append(
                f"Bound to this machine: the images are {self._config.link}s to files elsewhere."
            )
        return remarks

    def _first_reason(self) -> str:
        entry = next(iter(self._ledger.entries), None)
        return f" ({entry.place}: {entry.message})" if entry is not None else ""


def _warnings(
    config: ConvertConfig, counts: Mapping[str, SplitCounts], names: tuple[str, ...]
) -> Iterator[str]:
    for split in ("train", "val"):
        if split not in counts:
            yield f"there is no {split} split; training needs one (--split 0.8,0.1,0.1 makes all)"
    if config.link != "copy" and not config.labels_only:
        yield f"the set is bound to this machine: its images are {config.link}s"
    boxes = np.sum([split.boxes_by_class for split in counts.values()], axis=0)
    empty = [name for name, count in zip(names, boxes.tolist(), strict=True) if not count]
    if empty:
        shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        count = "1 class has" if len(empty) == 1 else f"{len(empty)} classes have"
        yield f"{count} no box: {shown}"


def _summary(config: ConvertConfig, result: ConvertResult) -> dict[str, object]:
    return {
        "source": os.fspath(config.source),
        "from": result.from_format,
        "to": result.to_format,
        "portable": config.link == "copy",
        "evidence": list(result.evidence),
        "names": list(result.names),
        "splits": {split: msgspec.to_builtins(counts) for split, counts in result.splits.items()},
        "warnings": list(result.warnings),
    }
