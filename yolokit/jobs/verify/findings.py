"""What two models find on the same images: those of a data set, or those that are shipped."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.events import Phase, Progress
from yolokit.core.plural import counted
from yolokit.core.types import Frame
from yolokit.evaluate.accuracy import load_labelled, measure, open_finder
from yolokit.evaluate.measures.differences import pair_image
from yolokit.export.samples import load_gate_images
from yolokit.jobs.verify.classes import join_classes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.core.events import OnEvent
    from yolokit.core.types import U8, Detections
    from yolokit.evaluate.accuracy import Accuracy, LabelledSet
    from yolokit.evaluate.finders import Finder, ModelFacts
    from yolokit.evaluate.measures.differences import ImagePairs
    from yolokit.jobs.verify.config import VerifyConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two models, and what runs it."""

    path: Path
    provider: str
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What both models found.

    Attributes:
        models: What they are.
        names: The classes that the boxes are of.
        pairs: Their boxes, image by image.
        pictures: The images: a path, or (H, W, 3) uint8 BGR, by name.
        accuracy: Of both; None without a data set.
        labelled: The data set; None without one.
    """

    models: tuple[ModelFacts, ModelFacts]
    names: tuple[str, ...]
    pairs: tuple[ImagePairs, ...]
    pictures: Mapping[str, Path | U8]
    accuracy: tuple[Accuracy, Accuracy] | None = None
    labelled: LabelledSet | None = None


def choose_sides(config: VerifyConfig) -> tuple[Side, Side]:
    """Return the reference, and what has to be as good."""
    model = Path(config.model)
    precision = config.precision or "fp32"
    if config.other is None:
        reference = Side(
            path=model,
            provider=config.reference_provider or "cpu",
            precision=config.reference_precision or "fp32",
        )
        return reference, Side(path=model, provider=config.provider, precision=precision)
    reference = Side(
        path=model,
        provider=config.reference_provider or config.provider,
        precision=config.reference_precision or precision,
    )
    return reference, Side(path=Path(config.other), provider=config.provider, precision=precision)


def find_both(config: VerifyConfig, sides: tuple[Side, Side], on_event: OnEvent) -> Found:
    """Run both models, one after the other.

    Raises:
        YolokitError: As ``load_labelled``, ``open_finder`` and ``measure``.
    """
    if config.data is None:
        return _find_on_shipped(config, sides, on_event)
    labelled = load_labelled(Path(config.data), config.split, most=config.images)
    measured = []
    for side in sides:
        images = counted(len(labelled.images), "image")
        on_event(Phase(f"measuring {_name(config, side)} on {images} of {config.split}"))
        with _open(config, side) as finder:
            measured.append(measure(finder, labelled, on_event))
    first, second = measured
    return Found(
        models=(first.model, second.model),
        names=first.names,
        pairs=tuple(
            pair_image(a.name, a.found, b.found)
            for a, b in zip(first.images, second.images, strict=True)
        ),
        pictures={one.name: Path(one.path) for one in first.images},
        accuracy=(first, second),
        labelled=labelled,
    )


def _find_on_shipped(config: VerifyConfig, sides: tuple[Side, Side], on_event: OnEvent) -> Found:
    images = load_gate_images(None)
    shipped = counted(len(images), "shipped image")
    models, found = [], []
    for side in sides:
        on_event(Phase(f"running {_name(config, side)} on {shipped}"))
        with _open(config, side) as finder:
            models.append(finder.facts)
            found.append(_run(finder, images, on_event))
    names, second_classes = join_classes(models[0].names, models[1].names)
    return Found(
        models=(models[0], models[1]),
        names=names,
        pairs=tuple(
            pair_image(name, a, second_classes.apply(b))
            for (name, _), a, b in zip(images, *found, strict=True)
        ),
        pictures=dict(images),
    )


def _name(config: VerifyConfig, side: Side) -> str:
    """Return a model's name, with what runs it where one file is compared with itself."""
    return side.path.name if config.other is not None else f"{side.path.name} with {side.provider}"


def _run(finder: Finder, images: Sequence[tuple[str, U8]], on_event: OnEvent) -> list[Detections]:
    frames = ((name, Frame(bgr, 0, None, name)) for name, bgr in images)
    found = []
    with contextlib.closing(finder.run(frames)) as predictions:
        for done, prediction in enumerate(predictions, 1):
            found.append(prediction.detections)
            on_event(Progress("running", done, len(images)))
    return found


def _open(config: VerifyConfig, side: Side) -> contextlib.AbstractContextManager[Finder]:
    return open_finder(
        side.path,
        provider=side.provider,
        precision=side.precision,
        threads=config.threads,
        imgsz=config.imgsz,
    )
