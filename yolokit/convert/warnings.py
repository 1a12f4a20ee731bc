"""What a conversion reports: how images were interpreted, what the set lacks for training."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.datasets.repeated import list_repeated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from yolokit.convert.config import ConvertConfig
    from yolokit.datasets.counts import SplitCounts
    from yolokit.labels.ledger import Ledger, LedgerEntry
    from yolokit.labels.model import LabelledImage

_CUT_SHORT = "cut-short-image"


def exif_evidence(codes: Mapping[str, int]) -> Iterator[str]:
    """Say how images with an EXIF orientation were interpreted; the ledger lists them."""
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


def crowd_evidence(codes: Mapping[str, int]) -> Iterator[str]:
    """Say how many crowds were left out, whatever the format calls them."""
    for code in ("iscrowd", "crowd"):
        count = codes.get(f"excluded: {code}", 0)
        if count:
            crowds = counted(count, "crowd is", "crowds are")
            yield f"{crowds} left out (--assume {code}=exclude|keep)"


_LOUD = frozenset(
    {
        *("labels-elsewhere", "no-annotation-file", "no-labels", "not-listed", "not-read"),
        "shared-labels",
    }
)
_SHOWN = 5


def loud_notes(entries: Iterable[LedgerEntry]) -> list[str]:
    """Return the notes about what was found and not taken, the first of them."""
    notes = [entry for entry in entries if entry.action == "noted" and entry.code in _LOUD]
    told = [f"{entry.place}: {entry.message}" for entry in notes[:_SHOWN]]
    if len(notes) > _SHOWN:
        told.append(
            f"{counted(len(notes) - _SHOWN, 'more note', 'more notes')} of this kind in the ledger"
        )
    return told


def note_for_training(labelled: LabelledImage, ledger: Ledger) -> None:
    """Note what training will refuse, or count differently from the source."""
    image = labelled.image
    if image.cut_short:
        message = f"{image.path} is cut short: its end is missing"
        ledger.note(image.source, None, _CUT_SHORT, message)
    for place in list_repeated(labelled.annotations):
        message = "it repeats an earlier label of its image; training counts it once"
        ledger.note(image.source, place, "repeated-label", message)


def tell_cut_short(codes: Mapping[str, int]) -> Iterator[str]:
    """Say how many images of a set training will refuse, from the codes of its ledger."""
    count = codes.get(f"noted: {_CUT_SHORT}", 0)
    if count:
        are = counted(count, "image is", "images are")
        yield (
            f"{are} cut short; `yolokit train` refuses a set with such images, or leaves them "
            "out with --allow unusable-images"
        )


def warn(
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
    empty = [name for name, count in zip(names, boxes.tolist(), strict=True) if not count]
    if len(empty) == len(names):
        yield "the set has no box at all: nothing can be trained on it"
    elif empty:
        shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        count = counted(len(empty), "class has", "classes have")
        yield f"{count} no box: {shown}"
