"""What a conversion reports: how images were interpreted, what was lost, what training lacks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.datasets.counts import describe_empty_classes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yolokit.convert.config import ConvertConfig
    from yolokit.datasets.counts import SplitCounts
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Annotations, LabelledImage

_CUT_SHORT = "cut-short-image"
_MISSING = "missing-image"
_LOUD = frozenset(
    {
        *("labels-elsewhere", "no-annotation-file", "no-labels", "not-listed", "not-read"),
        "shared-labels",
    }
)
_NOTES_SHOWN = 5
_IMAGES_SHOWN = 3
_HINT = "say with --images where the images are"


def describe_reading(ledger: Ledger) -> Iterator[str]:
    """Say how images with an EXIF orientation were interpreted, and how many crowds left out."""
    codes = ledger.codes()
    turned = codes.get("reinterpreted: exif-orientation", 0)
    upright = codes.get("noted: exif-orientation", 0)
    which = "(--assume exif=upright|stored)"
    if turned:
        yield (
            f"{counted(turned, 'label was', 'labels were')} drawn on images as stored, and turned "
            f"by their EXIF {which}"
        )
    if upright:
        yield (
            f"{counted(upright, 'image has', 'images have')} an EXIF orientation, whose labels are "
            f"taken as drawn on the upright image {which}"
        )
    for code in ("iscrowd", "crowd"):  # what formats call them
        count = codes.get(f"excluded: {code}", 0)
        if count:
            crowds = counted(count, "crowd is", "crowds are")
            yield f"{crowds} left out (--assume {code}=exclude|keep)"


def note_for_training(labelled: LabelledImage, ledger: Ledger) -> None:
    """Note what training will refuse, or count differently from the source."""
    image = labelled.image
    if image.cut_short:
        message = f"{image.path} is cut short: its end is missing"
        ledger.note(image.source, None, _CUT_SHORT, message)
    for place in _list_repeated(labelled.annotations):
        message = "it repeats an earlier label of its image; training counts it once"
        ledger.note(image.source, place, "repeated-label", message)


def describe_set(
    config: ConvertConfig, counts: Mapping[str, SplitCounts], names: tuple[str, ...]
) -> Iterator[str]:
    """Say what a user should know about a set that was made, one sentence each."""
    for split in () if config.folds else ("train", "val"):
        if split not in counts and config.group is not None:
            yield f"there is no {split} split: --group {config.group} makes too few groups for one"
        elif split not in counts:
            yield f"there is no {split} split; training needs one (--split 0.8,0.1,0.1 makes all)"
    if config.folds is not None and len(counts) < config.folds:
        yield (
            f"only {counted(len(counts), 'fold')} could be made, not {config.folds}: there are too "
            "few images or groups of them"
        )
    if config.link != "copy" and not config.labels_only:
        yield f"the set is bound to this machine: its images are {config.link}s"
    boxes = np.sum([split.boxes_by_class for split in counts.values()], axis=0)
    cased = Counter(name.casefold().strip() for name in names)
    for name in names:
        if cased[name.casefold().strip()] > 1:
            yield f"another class differs from {name!r} only in case: --map merges them"
    if not boxes.any():
        yield "the set has no box at all: nothing can be trained on it"
    else:
        yield from describe_empty_classes(names, boxes.tolist())


def describe_account(ledger: Ledger) -> Iterator[str]:
    """Say which images were lost, what was found and not taken, and what training will refuse."""
    lost = ledger.lost_images()
    missing = [entry.image for entry in lost if entry.code == _MISSING]
    others = [entry.image for entry in lost if entry.code != _MISSING]
    if missing:
        yield f"{_were(missing)} not found: {_shown(missing)} ({_HINT})"
    if others:
        yield f"{_were(others)} left out as unusable: {_shown(others)}"
    notes = [one for one in ledger.entries if one.action == "noted" and one.code in _LOUD]
    for entry in notes[:_NOTES_SHOWN]:
        yield f"{entry.place}: {entry.message}"
    if len(notes) > _NOTES_SHOWN:
        more = counted(len(notes) - _NOTES_SHOWN, "more note", "more notes")
        yield f"{more} of this kind in the ledger"
    cut_short = ledger.codes().get(f"noted: {_CUT_SHORT}", 0)
    if cut_short:
        are = counted(cut_short, "image is", "images are")
        yield (
            f"{are} cut short; `yolokit train` refuses a set with such images, or leaves them "
            "out with --allow unusable-images"
        )


def explain_nothing(ledger: Ledger) -> str:
    """Return why a set has nothing in it, in brackets: the loss of an image before all else."""
    lost = ledger.lost_images()
    missing = [entry for entry in lost if entry.code == _MISSING]
    if lost:
        more = f"; {len(lost) - 1} more" if len(lost) > 1 else ""
        return f" ({(missing or lost)[0].message}{more})"
    dropped = [entry for entry in ledger.entries if entry.action == "dropped"]
    entries = dropped or ledger.entries
    return f" ({entries[0].place}: {entries[0].message})" if entries else ""


def hint_at_images(ledger: Ledger) -> str | None:
    """Return what helps where images are missing, None where none is."""
    return _HINT if any(entry.code == _MISSING for entry in ledger.entries) else None


def _were(images: list[str | None]) -> str:
    return counted(len(images), "image was", "images were")


def _shown(images: list[str | None]) -> str:
    return ", ".join(map(str, images[:_IMAGES_SHOWN])) + (
        ", ..." if len(images) > _IMAGES_SHOWN else ""
    )


def _list_repeated(annotations: Annotations) -> list[int]:
    """Return the places of annotations that repeat an earlier one of their image."""
    left_px = annotations.xyxy[:, 0].tolist()
    if len(set(left_px)) == len(left_px):
        return []  # nearly always, and fast
    seen: set[tuple[object, ...]] = set()
    repeated: list[int] = []
    keypoints = annotations.keypoints
    for row, (category, box, place) in enumerate(
        zip(
            annotations.category_indices.tolist(),
            annotations.xyxy.tolist(),
            annotations.places.tolist(),
            strict=True,
        )
    ):
        shape = annotations.shapes.get(row)
        rings = () if shape is None else tuple(ring.tobytes() for ring in shape.rings)
        points = b"" if keypoints is None else keypoints[row].tobytes()
        key = (category, *box, rings, points)
        if key in seen:
            repeated.append(place)
        seen.add(key)
    return repeated
