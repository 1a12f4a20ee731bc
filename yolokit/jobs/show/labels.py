"""Labels on their images: some of a set are chosen, found, decoded and drawn."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.events import OnEvent, Progress, ignore
from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.jobs.check.config import require_source
from yolokit.jobs.show.choose import rank
from yolokit.jobs.show.look import Look, View, count_labels
from yolokit.jobs.show.marks import describe_marks, find_marks
from yolokit.jobs.show.source import open_source, read_pixels
from yolokit.jobs.show.survey import Survey, none_to_show
from yolokit.labels.draw import draw_annotations
from yolokit.labels.splits import order_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.source import Source
    from yolokit.labels.model import LabelledImage

_ROUNDS = 3  # in which others take the place of images that cannot be shown


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
        DataError: The source is not there or broken, or none of its images can be shown.
    """
    require_source(Path(config.source))
    marks = None if config.code is None else find_marks(config, config.code, on_event)
    with open_source(config, scratch) as source:
        survey = Survey(config, source, marks, on_event)
        gallery = _Gallery(config, source, fit_wh, survey, on_event)
        ranked = rank(survey.candidates, config.seed or 0)
        for _ in range(_ROUNDS):
            wanted = list(islice(ranked, config.count - len(gallery.views)))
            if not wanted:
                break
            gallery.add(wanted)
        if not gallery.views:
            hint = "--images says where the images are" if gallery.misses_images else None
            raise none_to_show(config, gallery.left_out, hint=hint)
        return _describe(config, source, survey, gallery)


class _Gallery:
    """Finds, decodes and draws images; what cannot be shown is kept with its reason."""

    def __init__(
        self,
        config: ShowConfig,
        source: Source,
        fit_wh: tuple[int, int],
        survey: Survey,
        on_event: OnEvent,
    ) -> None:
        self.views: list[View] = []
        self.left_out: list[str] = []
        self.misses_images = False
        self._count = config.count
        self._source, self._survey = source, survey
        self._fit_wh = fit_wh
        self._on_event = on_event

    def add(self, keys: Sequence[str]) -> None:
        """Draw the images of some keys."""
        ledger = self._source.ledger
        opening = ledger.mark()
        for _, labelled in self._source.iter_located(frozenset(keys)):
            self._draw(labelled)
        lost = ledger.lost_images()
        self.left_out += [entry.message for entry in lost]
        self.misses_images |= any(entry.code == "missing-image" for entry in lost)
        ledger.rewind(opening)

    def _draw(self, labelled: LabelledImage) -> None:
        image, annotations = labelled.image, labelled.annotations
        names, marks = self._source.dataset.names, self._survey.marks
        try:
            pixels = read_pixels(image)
        except DataError as error:
            self.left_out.append(self._source.ledger.shown(str(error)))
            return
        found = [] if marks is None else marks.find(self._source, labelled)
        drawn = draw_annotations(
            pixels,
            annotations,
            names,
            fit_wh=self._fit_wh,
            emphasised=self._find_emphasised(labelled, {row for row, _ in found}),
            tint=self._survey.shapes.has_outlines,
        )
        self.views.append(
            View(
                drawn=drawn,
                name=image.file_name,
                split=image.split or "",
                labels=count_labels(names, annotations.category_indices),
                note=describe_marks(found),
            )
        )
        self._on_event(Progress("drawing", len(self.views), self._count))

    def _find_emphasised(
        self, labelled: LabelledImage, marked: set[int | None]
    ) -> frozenset[int] | None:
        """Return the rows that stand out: those that a check found, or of the classes asked for."""
        rows = frozenset(row for row in marked if row is not None)
        if rows or not self._survey.class_ids:
            return rows or None
        ids = labelled.annotations.category_indices
        return frozenset(np.flatnonzero(np.isin(ids, [*self._survey.class_ids])).tolist())


def _describe(config: ShowConfig, source: Source, survey: Survey, gallery: _Gallery) -> Look:
    names, total = source.dataset.names, len(survey.candidates)
    order = {split: at for at, split in enumerate(order_splits({v.split for v in gallery.views}))}
    views = sorted(gallery.views, key=lambda view: order[view.split])
    counts = [
        (name, images, labels)
        for name, (images, labels) in zip(names, survey.counts.tolist(), strict=True)
    ]
    what = "Labels" if config.code is None else config.code
    about = "" if survey.marks is None else f" What was found: {survey.marks.title}."
    return Look(
        title=f"{what} of {Path(config.source).resolve().name}",
        lead=_describe_choice(config, len(views), total) + about,
        names=names,
        views=tuple(views),
        format=source.format,
        task=survey.shapes.task,
        images=total,
        left_out=tuple(dict.fromkeys(gallery.left_out)),
        counts=tuple(counts),
        facts=(("source", str(config.source)), ("read as", source.evidence[0])),
    )


def _describe_choice(config: ShowConfig, shown: int, total: int) -> str:
    of = f" of split {config.split}" if config.split is not None else ""
    with_these = f" with {' or '.join(config.classes)}" if config.classes else ""
    if shown == total:
        return f"All {counted(total, 'image')}{of}{with_these}."
    return (
        f"{shown} of {counted(total, 'image')}{of}{with_these}, chosen so that splits take "
        "turns and all classes are seen."
    )
