"""The job ``data convert``: data sets in, one out, and an account of every annotation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from yolokit.convert.earlier import LEDGER_FILE, Replaced, summarize
from yolokit.convert.findings import Watch
from yolokit.convert.sources import Opened, open_sources, shown_places
from yolokit.convert.steps.assign_splits import (
    SplitPlan,
    assign_splits,
    exclude_unsplit,
    set_splits,
)
from yolokit.convert.steps.clip_boxes import clip_boxes
from yolokit.convert.steps.copy_images import CopyPlan, copy_images
from yolokit.convert.steps.filter_areas import AreaLimits, filter_areas
from yolokit.convert.steps.group_images import GroupPlan
from yolokit.convert.steps.join_pictures import Pictures
from yolokit.convert.steps.keep_sample import Sample, choose_sample, keep_sample
from yolokit.convert.steps.map_classes import ClassMap, map_classes
from yolokit.convert.steps.mend import Mends
from yolokit.convert.steps.tile import TilePlan, exclude_hidden, tile_images
from yolokit.convert.steps.to_task import TaskPlan, to_task
from yolokit.convert.warnings import (
    describe_account,
    describe_reading,
    describe_set,
    explain_nothing,
    hint_at_images,
    note_for_training,
)
from yolokit.core.events import OnEvent, Progress, ignore
from yolokit.core.findings import require_allowed
from yolokit.core.gc import collector_seldom
from yolokit.core.task import Task
from yolokit.datasets.counts import SplitCounter, SplitCounts
from yolokit.errors import DataError
from yolokit.files.atomic import publish_folder, scratch_folder
from yolokit.formats.toolkit.locate import drop_cut_short, locate_images, require_sizes
from yolokit.formats.toolkit.plugin import Format, load_format
from yolokit.labels.ledger import Ledger, LedgerTotals
from yolokit.labels.max_drop import MaxDrop
from yolokit.labels.model import Dataset, LabelledImage, SourceFile
from yolokit.labels.splits import SPLITS, name_folds, order_splits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.convert.config import ConvertConfig


class ConvertResult(msgspec.Struct, frozen=True):
    """What a conversion did.

    Attributes:
        evidence: What was concluded about the source, one sentence each.
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
    on_event: OnEvent = ignore,
    *,
    shown_as: Mapping[Path, str] = MappingProxyType({}),
) -> ConvertResult:
    """Convert a data set; the output folder appears whole or not at all.

    ``shown_as`` says what folders are called in the ledger and in messages, where sources lie in
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
    scratch = scratch_folder(config.folder.with_name(config.folder.name + "-unpacked"))
    with shown_places(ledger), scratch as unpacked, collector_seldom():
        on_event(Progress("reading", 0, None))
        opened = open_sources(config, unpacked, ledger)
        class_map = ClassMap.parse(config.maps, config.keep, config.drop)
        dataset = map_classes(opened.dataset, class_map, ledger)
        opened = opened._replace(dataset=dataset)
        with publish_folder(config.folder, config.replacing) as folder:
            return _write(config, opened, ledger, folder, on_event)


def _write(
    config: ConvertConfig, opened: Opened, ledger: Ledger, folder: Path, on_event: OnEvent
) -> ConvertResult:
    """Write the set and its ledger into a folder that is built."""
    opening = ledger.mark()
    conversion = _Conversion(config, opened.dataset, ledger, folder, on_event)
    counts = conversion.write_set()
    watch = conversion.watch
    if watch.pictures.start_joining():  # what was written has pictures twice
        _empty(folder)
        ledger.rewind(opening)
        conversion = _Conversion(config, opened.dataset, ledger, folder, on_event, watch)
        counts = conversion.write_set()
    names = opened.dataset.names
    totals = ledger.close(MaxDrop.parse(config.max_drop))
    allowed = require_allowed(watch.find(ledger), config.allow)
    warnings = [*describe_set(config, counts, names), *allowed, *watch.tell(ledger)]
    result = ConvertResult(
        config.folder,
        opened.formats,
        config.to_format,
        (*opened.evidence, *describe_reading(ledger)),
        names,
        counts,
        totals,
        ledger.codes(),
        ledger.examples(),
        (*map(ledger.shown, [*warnings, *opened.warnings]), *describe_account(ledger)),
    )
    ledger.write(folder / LEDGER_FILE, summarize(config, result, ledger))
    return result


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


class _Conversion:
    """The chain of steps from the source to the folder that is built, each a stream of images.

    Splits, a sample, and pictures that come again take a pass of their own ahead.
    """

    def __init__(
        self,
        config: ConvertConfig,
        dataset: Dataset,
        ledger: Ledger,
        folder: Path,
        on_event: OnEvent,
        watch: Watch | None = None,
    ) -> None:
        self._config = config
        self._dataset = dataset
        self._ledger = ledger
        self._folder = folder
        self._on_event = on_event
        self._target: Format = load_format(config.to_format)
        self._tiles = None
        if config.tile is not None:
            self._tiles = TilePlan(config.tile, config.tile_overlap, config.min_visible)
        self._split_plan = SplitPlan.parse(config.split)
        makes_splits = self._split_plan.mode == "shares" or config.folds is not None
        self._keeps_splits = dataset.has_splits and not makes_splits
        self._source = SourceFile(", ".join(map(os.fspath, config.sources)))
        several = len(config.sources) > 1
        pictures = Pictures(by_split=self._keeps_splits, by_bytes=several)
        self.watch = watch or Watch(config.sources[0], pictures)
        self._counts: dict[str, SplitCounter] = {}

    def _iter_images(self) -> Iterator[LabelledImage]:
        """Chain all steps, in the order in which they run."""
        config, ledger = self._config, self._ledger
        splits = None if self._keeps_splits else self._make_splits()
        self._on_event(Progress("converting", 0, self._dataset.image_count))
        images = self._iter_labels()
        if not self._keeps_splits:
            images = set_splits(images, splits)
        if self._tiles is not None:
            images = tile_images(images, self._tiles, self._source, ledger)
        images = Replaced(config.folder).refuse_reading(images)
        link = None if config.labels_only else config.link
        plan = CopyPlan(self._folder, self._target.IMAGE_FOLDER, link, self._keeps_splits)
        return self._count(copy_images(images, plan, ledger))

    def _iter_labels(self) -> Iterator[LabelledImage]:
        """Chain the steps that decide what becomes of each label; its outcome is entered."""
        config, ledger, watch = self._config, self._ledger, self.watch
        watch.start_pass()
        images = self._iter_source()
        if config.sample is not None:
            images = keep_sample(images, self._sample, ledger)
        if config.labels_only:
            images = require_sizes(images, ledger)
        else:
            images = watch.leftovers.watch(locate_images(images, ledger, config.exif))
        if config.mend:
            images = self._mends.apply(images, ledger)
        images = watch.pictures.exclude_duplicates(images, ledger)
        plan = TaskPlan(Task(config.task), config.boxes_as_outlines, not self._target.MANY_OUTLINES)
        images = to_task(images, plan, self._source, ledger)
        limits = AreaLimits.parse(config.min_area, config.max_area)
        if not limits.is_open:
            images = filter_areas(images, limits, ledger)
        if self._tiles is not None:
            images = exclude_hidden(drop_cut_short(images, ledger), self._tiles, ledger)
        images = clip_boxes(images, ledger, watch.boxes)
        return watch.pictures.join(images, ledger)

    def _iter_source(self) -> Iterable[LabelledImage]:
        images = self._dataset.iter_images()
        return exclude_unsplit(images, self._ledger) if self._keeps_splits else images

    @cached_property
    def _sample(self) -> frozenset[str]:
        """The keys of the images of the sample: a pass over names alone."""
        opening = self._ledger.mark()
        sample = Sample.parse(self._config.sample or "100%")
        chosen = choose_sample(self._iter_source(), sample, self._config.seed)
        self._ledger.rewind(opening)
        return chosen

    @cached_property
    def _mends(self) -> Mends:
        """What is left out, told by a pass over all images."""
        opening = self._ledger.mark()
        what = "looking at every image"
        found = Mends.learn(
            locate_images(self._iter_source(), self._ledger, self._config.exif),
            lambda done, total: self._on_event(Progress(what, done, total)),
        )
        self._ledger.rewind(opening)
        return found

    def _make_splits(self) -> dict[str, str] | None:
        """Return key of each image to the split that is made for it; None to make none."""
        if self._split_plan.mode == "keep":
            return None
        splits = self._pass_for_splits()
        if self.watch.pictures.start_joining():
            splits = self._pass_for_splits()
        return splits

    def _pass_for_splits(self) -> dict[str, str]:
        opening = self._ledger.mark()
        self._on_event(Progress("looking at classes", 0, self._dataset.image_count))
        config, shares = self._config, dict(zip(SPLITS, self._split_plan.shares, strict=True))
        splits = assign_splits(
            self._iter_labels(),
            name_folds(config.folds) if config.folds else shares,
            config.seed,
            GroupPlan.parse(config.group) if config.group else None,
        )
        self._ledger.rewind(opening)
        return splits

    def _count(self, images: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
        for done, labelled in enumerate(images, 1):
            note_for_training(labelled, self._ledger)
            split = labelled.image.split or "train"
            if split not in self._counts:
                self._counts[split] = SplitCounter(len(self._dataset.categories))
            self._counts[split].add(labelled.annotations.category_indices)
            yield labelled
            if done % 64 == 0:
                self._on_event(Progress("converting", done, self._dataset.image_count))

    def write_set(self) -> dict[str, SplitCounts]:
        """Write annotations and images, and return what was written.

        Raises:
            DataError: There is no image or no class, or a file cannot be written.
        """
        images = self._iter_images()
        converted = msgspec.structs.replace(
            self._dataset,
            iter_images=lambda: images,
            task=self._config.task,
            pose=self._dataset.pose if self._config.task == Task.POSE else None,
        )
        try:
            self._target.write(converted, self._folder, self._remarks())
        except OSError as error:
            raise DataError(
                f"cannot write the set: {error.strerror}", path=error.filename
            ) from error
        if not self._counts:
            reason, hint = explain_nothing(self._ledger), hint_at_images(self._ledger)
            raise DataError(f"no image was found in it{reason}", path=self._source.path, hint=hint)
        if not self._dataset.categories:  # nothing could be trained on it, or read again
            reason = explain_nothing(self._ledger)
            raise DataError(f"no class was found in it{reason}", path=self._source.path)
        return {split: self._counts[split].freeze() for split in order_splits(self._counts)}

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
