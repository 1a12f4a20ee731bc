"""Likely label errors of a data set: what a model doubts about its labels, surest first."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.boxes import pairwise_iou
from yolokit.core.findings import Finding
from yolokit.core.types import Frame
from yolokit.datasets.check_report import FindingGroup
from yolokit.errors import DataError
from yolokit.evaluate.measures.curves import draw_curves
from yolokit.evaluate.measures.judge import RIGHT, judge_image
from yolokit.evaluate.run import THRESHOLDS, map_classes
from yolokit.evaluate.suspicions import (
    LOOSE_BOX,
    MISSING_BOX,
    WRONG_CLASS,
    Suspicion,
    suspect_labels,
)
from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.images.files import read_image
from yolokit.labels.model import Annotations
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from yolokit.core.types import F64
    from yolokit.datasets.label_table import LabelTable
    from yolokit.evaluate.measures.judge import JudgedImage

TITLES = {
    MISSING_BOX: "objects that the model sees, and nobody labelled",
    WRONG_CLASS: "labels whose object the model calls otherwise",
    LOOSE_BOX: "boxes that lie beside what the model finds",
}
_HINT = (
    "the model may be wrong as well: look at each, surest first, and mend the label or leave it; "
    "a model that was trained on these very labels has learned their errors too"
)
_NEVER = 2.0  # above any confidence
_USUAL_IOU = 0.8  # of a class of which nothing is found right


def find_label_errors(
    table: LabelTable,
    model: Path,
    *,
    allow: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[FindingGroup]:
    """Let a model look for labels that are missing, have the wrong class, or fit badly.

    Within each group the most doubtful image comes first, and in it the surest finding. Images
    that cannot be read are passed over: other checks name them.

    Args:
        table: All labels of the data set.
        model: An ONNX file that knows its classes.
        allow: Codes that the user allows.
        on_progress: Called with the number of images looked at, and of all.

    Raises:
        ConfigError: The model does not know a class of the data set.
        InferenceError: It cannot be loaded, or fails.
    """
    places = [at for at, path in enumerate(table.images.paths) if path]
    predictor = Predictor.load(PredictorSpec(model=str(model), thresholds=THRESHOLDS))
    looked_at = []
    for done, judged in enumerate(_judge_images(table, predictor, places), 1):
        looked_at.append(judged)
        on_progress(done, len(places))
    best_confs = _find_best_confs([image for _, _, image in looked_at], table.names)
    usual_ious = _find_usual_ious([image for _, _, image in looked_at], best_confs)
    found = [
        _describe(table, at, image_wh, image, suspicion)
        for at, image_wh, image in looked_at
        for suspicion in suspect_labels(image, image_wh, best_confs, usual_ious)
    ]
    return list(_group(found, allow))


def _judge_images(
    table: LabelTable, predictor: Predictor, places: Sequence[int]
) -> Iterator[tuple[int, tuple[int, int], JudgedImage]]:
    """Yield the place of each image that can be read, its width and height, and what was found."""
    detector = predictor.detector
    classes = map_classes(detector.names, table.names)
    overlap = load_metric(detector.manifest.head.task).overlap
    with contextlib.closing(predictor.run(_read_all(table, places))) as predictions:
        for prediction in predictions:
            if not isinstance(prediction.frame, Frame):
                continue
            at, image_wh = prediction.origin, prediction.frame.image_wh
            truth, found = _labels_of(table, at, image_wh), classes.apply(prediction.detections)
            iou = overlap(truth, found)
            yield at, image_wh, judge_image(table.images.paths[at], truth, found, iou)


def _read_all(table: LabelTable, places: Sequence[int]) -> Iterator[tuple[int, Frame]]:
    for at in places:
        path = table.images.paths[at]
        try:
            bgr = read_image(Path(path))
        except DataError:  # a finding of the check of images
            continue
        yield at, Frame(bgr, at, None, path)


def _labels_of(table: LabelTable, at: int, image_wh: tuple[int, int]) -> Annotations:
    rows = np.arange(*np.searchsorted(table.image_of, (at, at + 1)))
    return Annotations(
        table.class_ids[rows], table.xyxy[rows] * np.tile(image_wh, 2), table.lines[rows]
    )


def _find_best_confs(images: Sequence[JudgedImage], names: Sequence[str]) -> F64:
    """Return (C,) the confidence with the best F1 of each class, judged by these labels.

    Of a class of which nothing is found right no detection counts.
    """
    class_ids = np.concatenate([np.zeros(0, np.int64), *(one.class_ids for one in images)])
    true_ids = np.concatenate([np.zeros(0, np.int64), *(one.true_ids for one in images)])
    scores = np.concatenate([np.zeros(0), *(one.scores for one in images)])
    kinds = np.concatenate([np.zeros(0, np.uint8), *(one.kinds for one in images)])
    by_class = [np.flatnonzero(class_ids == i) for i in range(len(names))]
    _, _, curves = draw_curves(
        names,
        [scores[rows] for rows in by_class],
        [kinds[rows] == RIGHT for rows in by_class],
        np.bincount(true_ids, minlength=len(names)).tolist(),
    )
    return np.array([one.best_conf if one.best_conf and one.best_f1 else _NEVER for one in curves])


def _find_usual_ious(images: Sequence[JudgedImage], best_confs: F64) -> F64:
    """Return (C,) the median overlap of the right detections of each class that count."""
    ious: list[list[float]] = [[] for _ in best_confs]
    for image in images:
        right = (image.kinds == RIGHT) & (image.scores >= best_confs[image.class_ids])
        for row in np.flatnonzero(right).tolist():
            partner = image.partners[row]
            pair = image.xyxy[row : row + 1].astype(np.float64), image.true_xyxy[[partner]]
            ious[image.class_ids[row]].append(float(pairwise_iou(*pair)[0, 0]))
    return np.array([np.median(found) if found else _USUAL_IOU for found in ious])


def _describe(
    table: LabelTable,
    at: int,
    image_wh: tuple[int, int],
    image: JudgedImage,
    suspicion: Suspicion,
) -> Finding:
    """Say what may be wrong with a label, where, and how sure that is."""
    code, score, label, detection = suspicion
    name, conf = table.names[image.class_ids[detection]], f"{image.scores[detection]:.2f}"
    in_image = image.xyxy[detection].clip(0, np.tile(image_wh, 2))
    x1, y1, x2, y2 = (round(float(side), 1) for side in in_image)
    where = f"x {x1:.0f} to {x2:.0f}, y {y1:.0f} to {y2:.0f} px (confidence {conf})"
    finding = Finding(
        code,
        f"no label where the model sees a {name}: {where}",
        Path(image.name),
        image=image.name,
        score=score,
        xyxy_px=(x1, y1, x2, y2),
    )
    if label < 0:
        return finding
    labelled = table.names[image.true_ids[label]]
    row = int(np.searchsorted(table.image_of, at)) + label
    by_line, line = table.counts == "line", int(table.lines[row])
    return msgspec.structs.replace(
        finding,
        message=f"labelled {labelled}, but the model sees a {name} (confidence {conf})"
        if code == WRONG_CLASS
        else f"the box of this {labelled} may be off: the model finds it at {where}",
        path=Path(table.images.label_files[at]),
        line=line if by_line else None,
        index=None if by_line else line,
        row=row,
    )


def _group(found: Sequence[Finding], allow: Collection[str]) -> Iterator[FindingGroup]:
    """Yield a group for each code; in each the most doubtful image comes first."""
    for code, title in TITLES.items():
        of_code = [one for one in found if one.code == code]
        doubts: dict[str | None, float] = {}
        for one in of_code:
            doubts[one.image] = max(doubts.get(one.image, 0), one.score or 0)
        of_code.sort(key=lambda one: (-doubts[one.image], one.image or "", -(one.score or 0)))
        if of_code:
            yield FindingGroup(code, "warning", title, _HINT, code in allow, tuple(of_code))
