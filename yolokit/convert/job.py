"""The job ``data convert``: data sets in, one out, and an account of every annotation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from yolokit.convert.earlier import LEDGER_FILE, Replaced
from yolokit.convert.losses import hint_at_images, warn_of_losses, why_nothing
from yolokit.convert.output_names import OutputNames, drop_told_folders
from yolokit.convert.sources import Opened, open_sources, shown_places
from yolokit.convert.steps.assign_splits import SplitPlan, deal_out, exclude_unsplit, set_splits
from yolokit.convert.steps.clip_boxes import settle_boxes
from yolokit.convert.steps.copy_images import place_image
from yolokit.convert.steps.group_images import GroupPlan
from yolokit.convert.steps.join_pictures import Pictures
from yolokit.convert.steps.keep_sample import (
    AreaLimits,
    choose_sample,
    filter_areas,
    keep_sample,
    keyed_images,
    parse_sample,
)
from yolokit.convert.steps.map_classes import ClassMap, map_classes
from yolokit.convert.steps.tile import TilePlan, exclude_hidden, tile_images
from yolokit.convert.steps.to_task import Reduction, reduce_annotations
from yolokit.convert.warnings import (
    crowd_evidence,
    exif_evidence,
    loud_notes,
    note_for_training,
    tell_cut_short,
    warn,
)
from yolokit.convert.watch import Watch
from yolokit.core.findings import require_allowed
from yolokit.datasets.counts import SplitCounter, SplitCounts
from yolokit.errors import DataError
from yolokit.files.atomic import publish_folder, scratch_folder
from yolokit.formats.toolkit.locate import drop_cut_short, locate_images, require_sizes
from yolokit.formats.toolkit.plugin import Format, load_format
from yolokit.labels.ledger import Ledger, LedgerTotals, MaxDrop
from yolokit.labels.model import Dataset, LabelledImage, SourceFile
from yolokit.labels.splits import SPLITS, name_folds, order_splits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.convert.config import ConvertConfig


_Report: TypeAlias = tuple[Callable[[str, int | None], None], Callable[[int], None]]


class ConvertResult(msgspec.Struct, frozen=True):
    """What a conversion did.

    Attributes:
        out: The folder that was made.
        from_formats: The format of each source.
        to_format: The format that was written.
        evidence: What was concluded about the source, one sentence each.
        names: The classes, by index.
        splits: Split to what it holds.
        totals: The ledger's counts.
        codes: How often each reason occurs in the ledger.
        examples: The first message of each reason.
        warnings: What the user should know, one sentence each.
    """

    out: Path
    from_formats: tuple[str, ...]
    to_format: str
    evidence: tuple[str, ...]
    names: tuple[str, ...]
    splits: Mapping[str, SplitCounts]
    totals: LedgerTotals
    codes: Mapping[str, int]
    examples: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def convert(
    config: ConvertConfig,
    *,
    on_start: Callable[[str, int | None], None] = lambda _stage, _total: None,
    on_progress: Callable[[int], None] = lambda _done: None,
    shown_as: Mapping[Path, str] = MappingProxyType({}),
) -> ConvertResult:
    """Convert a data set; the output folder appears whole or not at all.

    Args:
        config: Made by :meth:`ConvertConfig.build`.
        on_start: Called as a stage begins, with its name and the number of images if known.
        on_progress: Called with the number of images done in this stage.
        shown_as: What folders are called in the ledger and in messages, where sources lie in
            folders that are soon gone.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: The source is broken, not recognised, or too much of it would be dropped.
        OutputExistsError: ``out`` exists and is not to be replaced.
    """
    ledger = Ledger()
    for folder, name in shown_as.items():
        ledger.show_as(os.fspath(folder.absolute()), name)
    # Whatever is unpacked lies beside the output, on the same disk, and goes with this run.
    scratch = scratch_folder(config.out.with_name(config.out.name + "-unpacked"))
    with shown_places(ledger), scratch as unpacked:
        on_start("reading", None)
        opened = open_sources(config, unpacked, ledger)
        class_map = ClassMap.parse(config.maps, config.keep, config.drop)
        dataset = map_classes(opened.dataset, class_map, ledger)
        opened = opened._replace(dataset=dataset)
        with publish_folder(config.out, config.replacing) as folder:
            return _write(config, opened, ledger, folder, (on_start, on_progress))


def _write(
    config: ConvertConfig, opened: Opened, ledger: Ledger, folder: Path, report: _Report
) -> ConvertResult:
    """Write the set and its ledger into a folder that is built."""
    opening = ledger.mark()
    run = _Run(config, opened.dataset, ledger, folder, report)
    counts = run.write_set()
    if run.watch.pictures.start_joining():  # what was written has pictures twice
        _empty(folder)
        ledger.rewind(opening)
        run = _Run(config, opened.dataset, ledger, folder, report, run.watch)
        counts = run.write_set()
    names = opened.dataset.names
    totals = ledger.close(MaxDrop.parse(config.max_drop))
    allowed = require_allowed(run.watch.find(ledger), config.allow)
    warnings = [*warn(config, counts, names), *allowed, *run.watch.tell(ledger), *opened.warnings]
    result = ConvertResult(
        config.out,
        opened.formats,
        config.to_format,
        (*opened.evidence, *exif_evidence(ledger.codes()), *crowd_evidence(ledger.codes())),
        names,
        counts,
        totals,
        ledger.codes(),
        ledger.examples(),
        (
            *map(ledger.shown, warnings),
            *warn_of_losses(ledger),
            *loud_notes(ledger.entries),
            *tell_cut_short(ledger.codes()),
        ),
    )
    ledger.write(folder / LEDGER_FILE, _summary(config, result, ledger))
    return result


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


class _Run:
    """One pass, or two where splits are made, from the source to the folder that is built."""

    def __init__(
        self,
        config: ConvertConfig,
        dataset: Dataset,
        ledger: Ledger,
        folder: Path,
        report: _Report,
        watch: Watch | None = None,
    ) -> None:
        self._config = config
        self._dataset = dataset
        self._ledger = ledger
        self._folder = folder
        self._on_start, self._on_progress = report
        self._target: Format = load_format(config.to_format)
        self._plan = SplitPlan.parse(config.split)
        self._tiles = None
        if config.tile is not None:
            self._tiles = TilePlan(config.tile, config.tile_overlap, config.min_visible)
        makes_splits = self._plan.mode == "shares" or config.folds is not None
        self._keeps_splits = dataset.has_splits and not makes_splits
        self._whole = SourceFile(", ".join(map(os.fspath, config.sources)))
        several = len(config.sources) > 1
        pictures = Pictures(by_split=self._keeps_splits, by_bytes=several)
        self.watch = watch or Watch(config.sources[0], pictures)
        self._counts: dict[str, SplitCounter] = {}
        self._made: set[Path] = set()
        self._replaced = Replaced(config.out)
        self._places: dict[str, tuple[str, OutputNames]] = {}

    def write_set(self) -> dict[str, SplitCounts]:
        """Write annotations and images, and return what was written.

        Raises:
            DataError: There is no image or no class, or a file cannot be written.
        """
        images = self._iter_split()
        self._on_start("converting", self._dataset.image_count)

        def iter_images() -> Iterator[LabelledImage]:
            for done, labelled in enumerate(images, 1):
                yield self._put(labelled)
                if done % 64 == 0:
                    self._on_progress(done)

        ledger = self._ledger
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
                "no image was found in it" + why_nothing(ledger),
                path=self._whole.path,
                hint=hint_at_images(ledger),
            )
        if not self._dataset.categories:  # nothing could be trained on it, or read again
            raise DataError("no class was found in it" + why_nothing(ledger), path=self._whole.path)
        return {split: self._counts[split].freeze() for split in order_splits(self._counts)}

    def _iter_settled(self) -> Iterator[LabelledImage]:
        """Yield images with labels of the task, each label's outcome entered."""
        config, ledger, watch = self._config, self._ledger, self.watch
        watch.start_pass()
        images: Iterable[LabelledImage] = self._dataset.iter_images()
        if self._keeps_splits:
            images = exclude_unsplit(images, ledger)
        if config.sample is not None:
            images = keep_sample(images, self._sample, ledger)
        if config.labels_only:
            images = require_sizes(images, ledger)
        else:
            images = locate_images(images, ledger, config.exif)
            images = watch.leftovers.watch(images)
        images = watch.pictures.exclude_duplicates(images, ledger)
        one_outline = not self._target.MANY_OUTLINES
        reduction = Reduction(config.task, config.boxes_as_outlines, one_outline)
        images = reduce_annotations(images, reduction, self._whole, ledger)
        limits = AreaLimits.parse(config.min_area, config.max_area)
        if not limits.is_open:
            images = filter_areas(images, limits, ledger)
        if self._tiles is not None:
            images = drop_cut_short(images, ledger)
            images = exclude_hidden(images, self._tiles, ledger)
        return watch.pictures.join(settle_boxes(images, ledger, watch.boxes), ledger)

    @cached_property
    def _sample(self) -> frozenset[str]:
        """The keys of the images of the sample: a pass over names alone."""
        opening = self._ledger.mark()
        images: Iterable[LabelledImage] = self._dataset.iter_images()
        if self._keeps_splits:
            images = exclude_unsplit(images, self._ledger)
        keys = [key for key, _ in keyed_images(images)]
        self._ledger.rewind(opening)
        return choose_sample(keys, parse_sample(self._config.sample or "100%"), self._config.seed)

    def _iter_split(self) -> Iterator[LabelledImage]:
        """Yield settled images with their splits, cut into tiles where that is wanted."""
        images = self._iter_whole()
        if self._tiles is None:
            return images
        return tile_images(images, self._tiles, self._whole, self._ledger)

    def _iter_whole(self) -> Iterator[LabelledImage]:
        """Yield settled images with their splits; to make splits, one pass goes ahead."""
        if self._keeps_splits:
            return self._iter_settled()
        if self._plan.mode == "keep":
            return set_splits(self._iter_settled(), None)
        splits = self._deal_out()
        if self.watch.pictures.start_joining():
            splits = self._deal_out()
        return set_splits(self._iter_settled(), splits)

    def _deal_out(self) -> dict[str, str]:
        opening = self._ledger.mark()
        self._on_start("looking at classes", self._dataset.image_count)
        folds, group = self._config.folds, self._config.group
        splits = deal_out(
            self._iter_settled(),
            name_folds(folds) if folds else dict(zip(SPLITS, self._plan.shares, strict=True)),
            self._config.seed,
            GroupPlan.parse(group) if group else None,
        )
        self._ledger.rewind(opening)
        return splits

    def _put(self, labelled: LabelledImage) -> LabelledImage:
        """Give an image its name in the set, put its file there, and count it."""
        split = labelled.image.split or "train"
        if split not in self._counts:
            self._start_split(split)
        self._replaced.check_not_read(labelled.image)
        place, names = self._places[split]
        told = split if self._keeps_splits and place.endswith(split) else None
        own = drop_told_folders(labelled.image.file_name, told)
        name = names.assign(own)
        if name != own:
            self._ledger.note(
                labelled.image.source, None, "renamed", f"{labelled.image.file_name} -> {name}"
            )
        if labelled.image.path is not None and not self._config.labels_only:
            target = self._folder.joinpath(place, *name.split("/"))
            if target.parent not in self._made:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(target.parent)
            image = labelled.image
            place_image(labelled.image.path, target, self._config.link, image.span, image.crop)
        note_for_training(labelled, self._ledger)
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


def _summary(config: ConvertConfig, result: ConvertResult, ledger: Ledger) -> dict[str, object]:
    return {
        "sources": [ledger.shown(os.fspath(source)) for source in config.sources],
        "from": list(result.from_formats),
        "to": result.to_format,
        "task": config.task,
        "portable": config.link == "copy",
        "labels_only": config.labels_only,
        "evidence": list(result.evidence),
        "names": list(result.names),
        "splits": {split: msgspec.to_builtins(counts) for split, counts in result.splits.items()},
        "warnings": list(result.warnings),
    }
