"""Labels on their images: some of a set are chosen, found, decoded and drawn."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.convert.steps.keep_sample import keyed_images
from yolokit.core.events import OnEvent, Progress, ignore
from yolokit.core.plural import counted
from yolokit.core.suggest import unknown_name
from yolokit.errors import DataError
from yolokit.formats.toolkit.locate import locate_images
from yolokit.jobs.show.choose import Candidate, rank
from yolokit.jobs.show.look import Look, View, count_labels
from yolokit.jobs.show.source import open_source, read_pixels
from yolokit.labels.draw import draw_annotations
from yolokit.labels.splits import order_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.source import Source
    from yolokit.labels.model import LabelledImage

_ROUNDS = 3  # in which others take the place of images that cannot be shown
_REASONS_SHOWN = 3


def show_labels(
    config: ShowConfig, scratch: Path, fit_wh: tuple[int, int], on_event: OnEvent = ignore
) -> Look:
    """Choose images of a source, and draw their labels.

    Args:
        config: Which images.
        scratch: Folder for what has to be unpacked.
        fit_wh: Width and height in px at which pictures are looked at.
        on_event: Called with progress.

    Raises:
        ConfigError: An option does not fit the source.
        DataError: The source is broken, or none of its images can be shown.
    """
    with open_source(config, scratch) as source:
        survey = _Survey(config, source, on_event)
        gallery = _Gallery(config, source, fit_wh, on_event)
        ranked = rank(survey.candidates, config.seed or 0)
        for _ in range(_ROUNDS):
            wanted = list(islice(ranked, config.count - len(gallery.views)))
            if not wanted:
                break
            gallery.add(wanted, survey.class_ids)
        if not gallery.views:
            raise _explain_nothing(config, gallery.left_out)
        return _describe(config, source, survey, gallery)


class _Survey:
    """One pass over all labels: which images there are to choose from.

    Attributes:
        candidates: The images that the options leave, each with its classes.
        class_ids: The classes that are asked for; empty for all.
        counts: Class to how many images and how many labels of it there are.
    """

    def __init__(self, config: ShowConfig, source: Source, on_event: OnEvent) -> None:
        names = source.dataset.names
        self.class_ids = frozenset(_find_class(name, names) for name in config.classes)
        self.candidates: list[Candidate] = []
        self.counts = np.zeros((len(names), 2), np.int64)
        splits: set[str] = set()
        opening = source.ledger.mark()
        for done, (key, labelled) in enumerate(keyed_images(source.dataset.iter_images()), 1):
            if done % 1000 == 0:
                on_event(Progress("reading labels", done, source.dataset.image_count))
            split = labelled.image.split or ""
            splits.add(split)
            if config.split is None or split == config.split:
                self._enter(key, split, labelled)
        source.ledger.rewind(opening)
        if config.split is not None and config.split not in splits:
            raise unknown_name("split", config.split, order_splits(splits - {""}))

    def _enter(self, key: str, split: str, labelled: LabelledImage) -> None:
        ids = labelled.annotations.category_indices
        classes = tuple(np.unique(ids).tolist())
        if self.class_ids and self.class_ids.isdisjoint(classes):
            return
        self.candidates.append(Candidate(key, split, classes))
        self.counts[:, 0] += np.bincount(classes, minlength=len(self.counts)).astype(np.int64)
        self.counts[:, 1] += np.bincount(ids, minlength=len(self.counts))


class _Gallery:
    """Finds, decodes and draws images; what cannot be shown is kept with its reason."""

    def __init__(
        self, config: ShowConfig, source: Source, fit_wh: tuple[int, int], on_event: OnEvent
    ) -> None:
        self.views: list[View] = []
        self.left_out: list[str] = []
        self._count = config.count
        self._source = source
        self._fit_wh = fit_wh
        self._on_event = on_event

    def add(self, keys: Sequence[str], class_ids: frozenset[int]) -> None:
        """Draw some images; labels of ``class_ids`` stand out, if any are given."""
        source, wanted = self._source, frozenset(keys)
        opening = source.ledger.mark()
        images = (
            labelled for key, labelled in keyed_images(source.dataset.iter_images())
            if key in wanted
        )  # fmt: skip
        for labelled in locate_images(images, source.ledger, source.exif):
            self._draw(labelled, class_ids)
        lost = source.ledger.lost_images()
        self.left_out += [entry.message for entry in lost]
        source.ledger.rewind(opening)

    def _draw(self, labelled: LabelledImage, class_ids: frozenset[int]) -> None:
        image, annotations = labelled.image, labelled.annotations
        names, ids = self._source.dataset.names, annotations.category_indices
        try:
            pixels = read_pixels(image)
        except DataError as error:
            self.left_out.append(self._source.ledger.shown(str(error)))
            return
        rows = np.flatnonzero(np.isin(ids, list(class_ids))) if class_ids else None
        drawn = draw_annotations(
            pixels,
            annotations,
            names,
            fit_wh=self._fit_wh,
            emphasised=None if rows is None else frozenset(rows.tolist()),
        )
        self.views.append(
            View(
                drawn=drawn,
                name=image.file_name,
                split=image.split or "",
                labels=count_labels(names, ids),
            )
        )
        self._on_event(Progress("drawing", len(self.views), self._count))


def _find_class(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise unknown_name("class", name, names)
    return names.index(name)


def _explain_nothing(config: ShowConfig, left_out: Sequence[str]) -> DataError:
    """Return the error for a source of which no image can be shown."""
    if not left_out:
        asked = [f"split {config.split}"] if config.split is not None else []
        asked += [f"class {name}" for name in config.classes]
        what = f"no image of {' and '.join(asked)} was found" if asked else "it holds no image"
        return DataError(what, path=Path(config.source))
    reasons = "; ".join(left_out[:_REASONS_SHOWN])
    more = f"; and {len(left_out) - _REASONS_SHOWN} more" * (len(left_out) > _REASONS_SHOWN)
    return DataError(
        f"none of its images can be shown: {reasons}{more}",
        path=Path(config.source),
        hint=None if config.images else "--images says where the images are",
    )


def _describe(config: ShowConfig, source: Source, survey: _Survey, gallery: _Gallery) -> Look:
    names, total = source.dataset.names, len(survey.candidates)
    order = {split: at for at, split in enumerate(order_splits({v.split for v in gallery.views}))}
    views = sorted(gallery.views, key=lambda view: order[view.split])
    counts = [
        (name, images, labels)
        for name, (images, labels) in zip(names, survey.counts.tolist(), strict=True)
    ]
    return Look(
        title=f"Labels of {Path(config.source).resolve().name}",
        lead=_describe_choice(config, len(views), total),
        names=names,
        views=tuple(views),
        format=source.format,
        task=str(source.dataset.task),
        images=total,
        left_out=tuple(dict.fromkeys(gallery.left_out)),
        counts=tuple(counts),
        facts=(("source", str(config.source)), ("read as", source.evidence[0])),
    )


def _describe_choice(config: ShowConfig, shown: int, total: int) -> str:
    of = f" of split {config.split}" if config.split is not None else ""
    with_classes = f" with {' or '.join(config.classes)}" if config.classes else ""
    if shown == total:
        return f"All {counted(total, 'image')}{of}{with_classes}."
    return (
        f"{shown} of {counted(total, 'image')}{of}{with_classes}, chosen so that splits take "
        "turns and all classes are seen."
    )
