"""Compares the images that upstream trains on with those that it was given."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from yolokit.core.plural import counted
from yolokit.engine.process import send
from yolokit.engine.ultralytics_patches import explain_left_out
from yolokit.engine_protocol.child import DataRead
from yolokit.errors import DataError

# Environment rather than an argument: the workers of a run on several GPUs inherit it.
LEAVE_OUT = "YOLOKIT_ENGINE_LEAVE_OUT"
_SHOWN = 20


def tell_used(dataset: Any, list_file: str, split: str) -> None:
    """Report to the parent what a data set of upstream's really holds.

    Args:
        dataset: It, as it was built.
        list_file: The list of images that it was given.
        split: Which split it is.

    Raises:
        DataError: It uses other images than those of the list, which are named with upstream's
            reasons, and that is not allowed. Or the share that it takes has no box.
    """
    given = sorted(Path(list_file).read_text(encoding="utf-8").splitlines())
    total = len(given)
    if dataset.fraction < 1:  # a share that was asked for: the first ones, as upstream takes them
        given = given[: max(1, round(len(given) * dataset.fraction))]
    left_out = list((Counter(given) - Counter(dataset.im_files)).elements())
    added = list((Counter(dataset.im_files) - Counter(given)).elements())
    if added or (left_out and os.environ.get(LEAVE_OUT) != "1"):
        raise _refuse(dataset, split, left_out, added)
    boxes = sum(len(label["cls"]) for label in dataset.labels)
    if dataset.fraction < 1 and not boxes:  # for the whole split, the check has reported it
        raise DataError(
            f"fraction {dataset.fraction:g} of {split} has no box: it takes the first images, "
            f"{len(dataset.im_files)} of {total}",
            hint="take a larger fraction",
        )
    send(DataRead(split, len(dataset.im_files), boxes, left_out))


def _refuse(dataset: Any, split: str, left_out: list[str], added: list[str]) -> DataError:
    classes = len(dataset.data["names"])
    lines = [f"  {image}: {explain_left_out(image, classes)}" for image in left_out[:_SHOWN]]
    lines += [f"  {image}: it was not given" for image in added[:_SHOWN]]
    count = len(left_out) + len(added)
    if count > len(lines):
        lines.append(f"  ... and {count - len(lines)} more")
    images = counted(count, "image")
    head = f"ultralytics would not train on what was checked; {images} of {split}:"
    hint = "fix or remove them; --allow unusable-images leaves them out" if left_out else None
    return DataError("\n".join([head, *lines]), hint=hint)
