"""Check a YOLO data set before it is trained on: every mistake, with its file and line.

ultralytics leaves a whole image out for one bad row, with a line in a log; here that is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.findings import Finding, require_allowed
from yolokit.core.plural import counted, share
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.data_yaml import DataYaml, list_split_images, load_data_yaml
from yolokit.datasets.split_facts import SplitCheck
from yolokit.datasets.stray_labels import describe_strays
from yolokit.errors import DataError
from yolokit.images.usable import find_unusable
from yolokit.labels.ledger import join_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from yolokit.datasets.splits import SplitImage

TRAINED_ON = ("train", "val")
UNUSABLE = "unusable-images"
ROTATED = "rotated-boxes"
CODES = (UNUSABLE, ROTATED, "no-train-boxes", "no-val-boxes")
"""What ``--allow`` takes."""

_FATES = {
    "train": "nothing can be learnt",
    "val": "nothing can be measured, so best.pt is that of the last epoch",
}
_NAMES_SHOWN = 5


class DatasetReport(msgspec.Struct, frozen=True):
    """A data set that can be trained on.

    Attributes:
        path: Its ``data.yaml``, absolute.
        names: Class names by index.
        splits: Split to what it holds, without what is left out.
        sha256: Over the class names, and the image names and label files of train and val; the
            same wherever it lies.
        warnings: What is odd but not an error, one sentence each.
        is_pose: Whether its label rows have keypoints after the boxes.
        images: Split to the files of the images that were checked and can be used.
    """

    path: Path
    names: tuple[str, ...]
    splits: Mapping[str, SplitCounts]
    sha256: str
    warnings: tuple[str, ...]
    is_pose: bool
    images: Mapping[str, list[str]]


def check_dataset(
    path: Path,
    *,
    allow: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> DatasetReport:
    """Check everything that training reads: paths, classes, label rows, images.

    What is wrong with a test split, which training does not read, is a warning.

    Args:
        path: A ``data.yaml``, or the folder in which it lies.
        allow: Codes of findings that are allowed; images that cannot be used are left out then.
        on_progress: Called with the number of images looked at, and of all.

    Raises:
        DataError: Anything is wrong; the message lists the first problems and counts all.
    """
    data = load_data_yaml(path, need=TRAINED_ON)
    listed = {
        split: list(list_split_images(data, split)) for split in TRAINED_ON if split in data.splits
    }
    unusable = _find_unusable(listed, on_progress)
    checks = {split: SplitCheck(data, split, images, unusable) for split, images in listed.items()}
    _require_sound(data, checks, allow)
    notes = [*data.notes, *require_allowed(_find(checks), allow)]
    notes += _collect_notes(data, checks)
    counts = {split: check.counts for split, check in checks.items()}
    for split in data.splits.keys() - checks.keys():
        listed[split], counts[split] = _check_unread(data, split, notes)
    notes += describe_strays(data, listed)
    notes += _describe_overlaps(listed)
    return DatasetReport(
        data.path,
        data.names,
        counts,
        _digest(data, checks),
        tuple(notes),
        data.pose is not None,
        {split: check.used for split, check in checks.items()},
    )


def check_labels(data: DataYaml, split: str) -> list[str]:
    """Check the labels of a split that a model is measured on; its images are read then.

    Returns:
        What is odd but not an error, one sentence each.

    Raises:
        ConfigError: There is no such split.
        DataError: Label rows are wrong, or not one label file is found.
    """
    check = SplitCheck(data, split, list(list_split_images(data, split)), {})
    if check.problems:
        raise join_errors(check.problems, f"problems in the labels of {split}")
    check.require_label_files()
    outlines = check.describe_labels()
    notes = [*data.notes, *check.notes(), *([outlines] if outlines is not None else [])]
    if data.pose is not None:
        notes.append("the labels are poses: only their boxes are checked")
    return notes


def _find_unusable(
    listed: Mapping[str, list[SplitImage]],
    on_progress: Callable[[int, int], None],
) -> dict[str, str]:
    paths = list(dict.fromkeys(image.path for images in listed.values() for image in images))
    return find_unusable(paths, on_progress=lambda done: on_progress(done, len(paths)))


def _require_sound(
    data: DataYaml, checks: Mapping[str, SplitCheck], allow: Collection[str]
) -> None:
    """Refuse what nothing allows: bad label rows, splits without images or label files.

    Raises:
        DataError: There is any of it.
    """
    problems: list[DataError] = []
    for split, check in checks.items():
        problems += check.problems
        if not check.lines:
            where = ", ".join(str(source) for source in data.sources(split))
            problems.append(DataError(f"the {split} split has no images", path=where))
        elif not check.used and UNUSABLE in allow:
            message = f"not one of the {counted(len(check.lines), 'image')} of {split} can be used"
            problems.append(DataError(f"{message}, such as {check.unusable[0]}", path=data.path))
    if problems:
        unusable = (
            []
            if UNUSABLE in allow
            else [error for check in checks.values() for error in check.unusable]
        )
        raise join_errors(
            problems + unusable,
            "problems in the data set",
            hint="ultralytics would leave out the whole image for each bad row without saying so; "
            "fix them, or run `yolokit data convert` on the set",
        )
    if "train" in checks:
        checks["train"].require_label_files()


def _find(checks: Mapping[str, SplitCheck]) -> list[Finding]:
    """Return what cannot be right, unless the user says that it is."""
    found: list[Finding] = []
    unusable = [error for check in checks.values() for error in check.unusable]
    if unusable:
        joined = join_errors(unusable, "images cannot be used for training")
        hint = "fix or remove them; what is allowed is left out"
        path = Path(joined.path) if joined.path is not None else None
        found.append(Finding(UNUSABLE, joined.message, path, hint))
    for split, check in checks.items():
        no_box = check.find_no_box(_FATES[split])
        if no_box is not None:
            found.append(no_box)
        if check.has_rotated_boxes:
            hint = "`yolokit data convert --task detect` turns them into boxes, each accounted for"
            found.append(Finding(ROTATED, check.describe_labels() or "", hint=hint))
    return found


def _collect_notes(data: DataYaml, checks: Mapping[str, SplitCheck]) -> list[str]:
    notes: list[str] = []
    for split, check in checks.items():
        notes += check.notes()
        outlines = check.describe_labels()
        if outlines is not None and not check.has_rotated_boxes:
            notes.append(outlines)
        if check.counts.boxes:
            notes += _describe_empty_classes(split, check, data.names)
    if "train" in checks and len(checks["train"].used) == 1:
        notes.append("train has only one image")
    missing = [split for split in TRAINED_ON if split not in checks]
    return notes + [f"there is no `{split}` split, which training needs" for split in missing]


def _check_unread(
    data: DataYaml, split: str, notes: list[str]
) -> tuple[list[SplitImage], SplitCounts]:
    """Look at a split that training does not read: what is wrong with it becomes a note."""
    problems: list[DataError] = []
    images: list[SplitImage] = []
    try:
        images += list_split_images(data, split)
    except DataError as error:
        problems.append(error)
    unusable = find_unusable([image.path for image in images], decode=False)
    check = SplitCheck(data, split, images, unusable)
    problems += check.problems + check.unusable
    if problems:
        count = counted(len(problems), "problem")
        notes.append(f"{split}, which training does not read, has {count}: {problems[0]}")
    return images, check.counts


def _describe_empty_classes(split: str, check: SplitCheck, names: tuple[str, ...]) -> list[str]:
    boxes = check.counts.boxes_by_class
    empty = [name for name, count in zip(names, boxes, strict=True) if not count]
    if not empty:
        return []
    shown = ", ".join(empty[:_NAMES_SHOWN]) + (", ..." if len(empty) > _NAMES_SHOWN else "")
    count = counted(len(empty), "class has", "classes have")
    return [f"{count} no box in {split}: {shown}"]


def _describe_overlaps(listed: Mapping[str, list[SplitImage]]) -> list[str]:
    """Say which splits share images, since learnt images score too well, or repeat them."""
    notes: list[str] = []
    paths = {split: {image.path for image in images} for split, images in listed.items()}
    splits = list(paths)
    for at, split in enumerate(splits):
        again = len(listed[split]) - len(paths[split])
        if again:
            are = "is listed again, and counts" if again == 1 else "are listed again, and count"
            notes.append(f"{counted(again, 'image')} of {split} {are} each time")
        for other in splits[at + 1 :]:
            shared = len(paths[split] & paths[other])
            if shared:
                images = f"the {counted(len(paths[other]), 'image')} of {other}"
                notes.append(
                    f"{share(shared, images, 'is', 'are')} in {split} as well: the figures of "
                    f"{other} will look too good"
                )
    return notes


def _digest(data: DataYaml, checks: Mapping[str, SplitCheck]) -> str:
    digest = hashlib.sha256("\n".join(data.names).encode())
    for split, check in checks.items():
        digest.update(f"\n\n{split}\n".encode())
        digest.update(b"\n".join(sorted(check.lines)))
    return digest.hexdigest()
