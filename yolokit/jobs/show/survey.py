"""One pass over all labels of a source: which images there are to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.events import Progress
from yolokit.core.suggest import unknown_name
from yolokit.errors import DataError
from yolokit.jobs.show.choose import Candidate
from yolokit.labels.shape_kinds import ShapeKinds
from yolokit.labels.splits import order_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.events import OnEvent
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.marks import Marks
    from yolokit.jobs.show.source import Source
    from yolokit.labels.model import LabelledImage

_REASONS = 3
_TOLD_EACH = 1000


class Survey:
    """What a source holds of what is asked for.

    Attributes:
        candidates: The images that the options leave, each with its classes.
        class_ids: The classes that are asked for; empty for all.
        marks: What the check that is asked for has found; None for none.
        counts: (C, 2), how many images and labels of each class there are.
        shapes: What labels have beside boxes.
    """

    def __init__(
        self, config: ShowConfig, source: Source, marks: Marks | None, on_event: OnEvent
    ) -> None:
        names = source.dataset.names
        self.class_ids = frozenset(_find_class(name, names) for name in config.classes)
        self.marks = marks
        self.candidates: list[Candidate] = []
        self.counts = np.zeros((len(names), 2), np.int64)
        self.shapes = ShapeKinds()
        self._source = source
        splits = self._read(config, on_event)
        if config.split is not None and config.split not in splits:
            raise unknown_name("split", config.split, order_splits(splits - {""}))
        if not self.candidates:
            raise DataError(self._explain_nothing(config), path=Path(config.source))

    def _read(self, config: ShowConfig, on_event: OnEvent) -> set[str]:
        """Look at all labels, and return the splits that there are."""
        source, splits = self._source, set[str]()
        opening = source.ledger.mark()
        # Findings name files of images, which have to be found for that.
        images = source.iter_keyed() if self.marks is None else source.iter_located()
        for done, (key, labelled) in enumerate(images, 1):
            if done % _TOLD_EACH == 0:
                on_event(Progress("reading labels", done, source.dataset.image_count))
            split = labelled.image.split or ""
            splits.add(split)
            if config.split is None or split == config.split:
                self._enter(key, split, labelled)
        lost = source.ledger.lost_images()
        source.ledger.rewind(opening)
        if lost and not splits:
            raise none_to_show(config, [one.message for one in lost])
        return splits

    def _enter(self, key: str, split: str, labelled: LabelledImage) -> None:
        ids = labelled.annotations.category_indices
        classes = tuple(np.unique(ids).tolist())
        if self.class_ids and self.class_ids.isdisjoint(classes):
            return
        if self.marks is not None and not self.marks.find(self._source, labelled):
            return
        self.candidates.append(Candidate(key, split, classes))
        self.counts[:, 0] += np.bincount(classes, minlength=len(self.counts)).astype(np.int64)
        self.counts[:, 1] += np.bincount(ids, minlength=len(self.counts))
        self.shapes.add(labelled.annotations)

    def _explain_nothing(self, config: ShowConfig) -> str:
        if self.marks is not None:
            return f"no image that can be shown has {config.code}: {self.marks.first}"
        asked = [f"split {config.split}"] if config.split is not None else []
        asked += [f"class {name}" for name in config.classes]
        return f"no image has {' and '.join(asked)}" if asked else "no image was found in it"


def none_to_show(
    config: ShowConfig, reasons: Sequence[str], *, hint: str | None = None
) -> DataError:
    """Return the error for images of which none can be shown, with the first reasons."""
    more = f"; and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
    shown = "; ".join(reasons[:_REASONS])
    message = f"none of its images can be shown: {shown}{more}"
    return DataError(message, path=Path(config.source), hint=hint)


def _find_class(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise unknown_name("class", name, names)
    return names.index(name)
