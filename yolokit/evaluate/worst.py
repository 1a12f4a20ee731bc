"""The images in which a model is worst, with all that is needed to draw them later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.evaluate.judge import KINDS, LOOSE, MISSED, RIGHT, WRONG_CLASS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32, F64, I64
    from yolokit.evaluate.judge import JudgedImage

IMAGES = 12
BOXES = 100  # of each sort in one image


class FoundBox(msgspec.Struct, frozen=True):
    """A detection; ``kind`` as in :func:`yolokit.evaluate.judge.judge_detections`."""

    xyxy: tuple[float, float, float, float]
    class_id: int
    score: float
    kind: Kind


class TrueBox(msgspec.Struct, frozen=True):
    """A true box; ``kind`` is what became of it.

    That is ``right`` (found), ``wrong_class``, ``loose`` (found so, and not right), or ``missed``.
    """

    xyxy: tuple[float, float, float, float]
    class_id: int
    kind: Kind


class WorstImage(msgspec.Struct, frozen=True, kw_only=True):
    """One image and its boxes, in px; at most ``BOXES`` of each sort, errors first.

    Attributes:
        image: Its path.
        f1: 2 x right / (found + true) at the common confidence; 0 is worst.
        errors: Detections that are not right, and missed boxes.
        truth: What is labelled.
        found: What the model found with at least the common confidence.
        left_out: Boxes beyond the limit.
    """

    image: str
    f1: float
    errors: int
    truth: tuple[TrueBox, ...]
    found: tuple[FoundBox, ...]
    left_out: int = 0


def choose_worst(
    images: Sequence[JudgedImage], conf: float, *, limit: int = IMAGES
) -> tuple[WorstImage, ...]:
    """Return the images with the lowest F1 at a confidence; of equal ones those with more errors.

    An image without any error is never among them.
    """
    ranks = []
    for at, image in enumerate(images):
        f1, errors = _score(image, conf)
        if errors:
            ranks.append((f1, -errors, at))
    return tuple(
        _describe(images[at], conf, f1, -errors) for f1, errors, at in sorted(ranks)[:limit]
    )


def _score(image: JudgedImage, conf: float) -> tuple[float, int]:
    found = int((image.scores >= conf).sum())
    right = int((image.kinds[:found] == RIGHT).sum())
    total = found + len(image.true_ids)
    return 2 * right / total if total else 1.0, found - right + len(image.find_missed(conf))


def _describe(image: JudgedImage, conf: float, f1: float, errors: int) -> WorstImage:
    states = _judge_truth(image, conf)
    missed_first = np.argsort(np.array([state == "right" for state in states]), kind="stable")
    found = int((image.scores >= conf).sum())
    wrong_first = np.argsort(image.kinds[:found] == RIGHT, kind="stable")
    return WorstImage(
        image=image.name,
        f1=f1,
        errors=errors,
        truth=tuple(
            TrueBox(_corners(image.true_xyxy[row]), int(image.true_ids[row]), states[row])
            for row in missed_first[:BOXES].tolist()
        ),
        found=_list_found(image, wrong_first[:BOXES]),
        left_out=max(0, len(states) - BOXES) + max(0, found - BOXES),
    )


def _judge_truth(image: JudgedImage, conf: float) -> list[Kind]:
    """Return for each true box the best that the detections of at least ``conf`` make of it."""
    states: list[Kind] = [MISSED] * len(image.true_ids)
    for kind in (WRONG_CLASS, LOOSE, RIGHT):
        for row in np.flatnonzero(image.best_scores(kind) >= conf).tolist():
            states[row] = KINDS[kind]
    return states


def _list_found(image: JudgedImage, rows: I64) -> tuple[FoundBox, ...]:
    return tuple(
        FoundBox(
            _corners(image.xyxy[row]),
            int(image.class_ids[row]),
            round(float(image.scores[row]), 4),
            KINDS[image.kinds[row]],
        )
        for row in rows.tolist()
    )


def _corners(xyxy: F32 | F64) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(side), 1) for side in xyxy)
    return x1, y1, x2, y2
