"""What a training feeds the network: its first batches, drawn with their labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.events import OnEvent, Progress, ignore
from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.jobs.show.look import Look, View, count_labels
from yolokit.labels.draw import draw_annotations
from yolokit.labels.model import Annotations
from yolokit.train.config.layers import resolve_options
from yolokit.train.preview import feed

if TYPE_CHECKING:
    from yolokit.core.types import U8
    from yolokit.engine_protocol.training import FedImage
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.train.config import TrainConfig
    from yolokit.train.preview import Fed

_AUGMENTATIONS = (
    "mosaic", "close_mosaic", "mixup", "copy_paste", "hsv_h", "hsv_s", "hsv_v", "degrees",
    "translate", "scale", "shear", "perspective", "fliplr", "flipud", "multi_scale",
)  # fmt: skip


def show_augmented(
    config: ShowConfig, scratch: Path, fit_wh: tuple[int, int], on_event: OnEvent = ignore
) -> Look:
    """Draw what a training feeds the network.

    Args:
        config: Has the options of the training, beside those of ``config.config``.
        scratch: Folder for what is made on the way.
        fit_wh: Width and height in px at which pictures are looked at.
        on_event: Called with what happens.

    Raises:
        YolokitError: As :func:`yolokit.train.preview.feed`.
    """
    training = _read_training(config)
    fed = feed(
        training,
        scratch,
        count=config.count,
        last_epochs=config.last_epochs,
        on_event=on_event,
    )
    views: list[View] = []
    for pixels, image in fed:
        on_event(Progress("drawing", len(views), len(fed.batches.images)))
        views.append(_draw(pixels, image, fed.names, fit_wh))
    return Look(
        title=f"What a training on {Path(config.source).resolve().name} is fed",
        lead=_describe(fed, training),
        names=fed.names,
        views=tuple(views),
        format="yolo",
        task=Task.DETECT,
        images=fed.train_images,
        facts=_list_facts(config, training),
    )


def _read_training(config: ShowConfig) -> TrainConfig:
    """Return the options of the training: those of the file, and over them those given here."""
    file = None if config.config is None else Path(config.config)
    names = ("preset", "imgsz", "batch", "seed")
    given = {name: getattr(config, name) for name in names if getattr(config, name) is not None}
    given["data"] = str(config.source)
    return resolve_options(given, file=file, settings=list(config.settings)).config


def _draw(pixels: U8, image: FedImage, names: tuple[str, ...], fit_wh: tuple[int, int]) -> View:
    class_ids = np.array(image.class_ids, np.int64)
    xyxy = np.array(image.xyxy, np.float64).reshape(-1, 4)
    annotations = Annotations(class_ids, xyxy, np.arange(len(class_ids)))
    return View(
        drawn=draw_annotations(pixels, annotations, names, fit_wh=fit_wh),
        name=Path(image.image).name,
        split="",
        labels=count_labels(names, class_ids),
    )


def _describe(fed: Fed, training: TrainConfig) -> str:
    batches = fed.batches
    has_mosaic = training.mosaic > 0 and batches.epoch <= training.epochs - training.close_mosaic
    shown = counted(len(batches.images), "image")
    what = f"{shown} of epoch {batches.epoch}, in batches of {batches.batch}, {training.imgsz} px"
    if has_mosaic:
        return f"{what}; a mosaic is called after its first image."
    if training.mosaic and training.close_mosaic >= training.epochs:
        return f"{what}; without mosaic, since close_mosaic covers every epoch."
    return f"{what}, without mosaic."


def _list_facts(config: ShowConfig, training: TrainConfig) -> tuple[tuple[str, str], ...]:
    values = ", ".join(f"{name} {getattr(training, name):g}" for name in _AUGMENTATIONS)
    sources = [config.preset and f"preset {config.preset}", config.config, *config.settings]
    told = ", ".join(str(source) for source in sources if source) or "none"
    return (
        ("data", str(config.source)),
        ("options", told),
        ("augmentation", values),
        ("seed", str(training.seed)),
    )
