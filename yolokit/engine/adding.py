"""Adding classes: numbers of a data set's labels, and the proof that nothing old has changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from yolokit.engine.infer import letterbox
from yolokit.engine.inspect import count_flops
from yolokit.engine.process import check_stop
from yolokit.engine.tasks._class_groups import find_last_group, list_old_tensors
from yolokit.engine.ultralytics_patches import load_model
from yolokit.engine_protocol.added import AddingProof
from yolokit.errors import DataError, TrainError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.engine_protocol.added import AddedClasses, AddingSettings

_IMAGES = 16


def write_names(data_yaml: Path, classes: AddedClasses) -> None:
    """Give the data set of a run, as upstream reads it, the names of all classes."""
    import yaml

    content = yaml.safe_load(data_yaml.read_text(encoding="utf-8"))
    content["names"] = dict(enumerate(classes.names))
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    data_yaml.write_text(text, encoding="utf-8")


def renumber(dataset: Any, classes: AddedClasses, split: str) -> None:
    """Give the labels of upstream's data set their numbers in the new detector.

    Raises:
        DataError: No image to train on has a box of a new class.
    """
    ids = np.asarray(classes.class_ids, dtype=np.float32)
    for label in dataset.labels:
        label["cls"] = ids[label["cls"].astype(np.int64)]
    if split == "train" and not any(
        (label["cls"] >= len(classes.old)).any() for label in dataset.labels
    ):
        raise DataError(
            f"no image of train has a box of {', '.join(classes.new)}, which is to be added",
            hint="label some, or leave it out of `names` in data.yaml",
        )


def prove(best: Path, adding: AddingSettings, images: Sequence[str], imgsz: int) -> AddingProof:
    """Run the old detector and the new one on the same images, in FP32 on the CPU, and compare.

    Args:
        best: Checkpoint of the new detector, as it is published.
        adding: The old one.
        images: Image files to choose from, evenly.
        imgsz: Side of the square input in px.

    Raises:
        WeightsError: The old detector is not there any more, or has changed.
    """
    if not Path(adding.weights).is_file():
        raise WeightsError(
            f"{adding.weights} is gone: what the run added classes to, and is compared with"
        )
    old, _ = load_model(adding.weights, adding.digest, trust=adding.trust)
    new, _ = load_model(str(best))
    pairs = list(list_old_tensors(new, old.float().state_dict()))
    changed = [name for name, was, now in pairs if now is None or not torch.equal(was, now.float())]
    places = np.linspace(0, len(images) - 1, min(_IMAGES, len(images))).astype(int)
    chosen = [images[place] for place in places]
    worst = np.zeros(3)
    for path in chosen:
        check_stop()
        worst = np.maximum(worst, _compare(old, new, path, imgsz))
    return AddingProof(
        images=len(chosen),
        old_tensors=len(pairs),
        changed_tensors=len(changed),
        max_score_diff=float(worst[0]),
        max_box_diff_px=float(worst[1]),
        max_stray_score=float(worst[2]),
        parameters=(_count(old), _count(new)),
        flops=(count_flops(old, imgsz), count_flops(new, imgsz)),
        imgsz=imgsz,
    )


def require_equal(proof: AddingProof) -> None:
    """Refuse a new detector that does not equal the old one where it must.

    Raises:
        TrainError: It does not.
    """
    if proof.problems:
        raise TrainError(
            f"the old detector did not stay as it was: {'; '.join(proof.problems)}",
            hint="this is a fault of yolokit or of a library; do not use best.pt",
        )


def _compare(old: Any, new: Any, path: str, imgsz: int) -> tuple[float, float, float]:
    """Return the largest differences of scores and boxes, and the largest stray score."""
    import cv2

    bgr = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    tensor = torch.from_numpy(letterbox(bgr, (imgsz, imgsz)))  # type: ignore[arg-type]
    was, now = _run(old, tensor), _run(new, tensor)
    rows, places = was.shape
    group = find_last_group(new)
    stray_old = now[4 : 4 + group.class_id, places:]
    stray_new = now[4 + group.class_id :, :places]
    return (
        float((was[4:] - now[4:rows, :places]).abs().max()),
        float((was[:4] - now[:4, :places]).abs().max()),
        max(float(stray_old.max()), float(stray_new.max())),
    )


def _run(model: Any, tensor: torch.Tensor) -> torch.Tensor:
    """Return all anchors of a model, (4 + C, A), also of one that would choose among them."""
    head = model.model[-1]
    head.end2end = False
    with torch.inference_mode():
        return model.eval()(tensor)[0][0]  # type: ignore[no-any-return]


def _count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
