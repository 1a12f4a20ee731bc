"""Check a YOLO data set before it is used: every mistake, with its file and line.

ultralytics leaves a whole image out for one bad row, with a line in a log; here that is an error.
What is looked for is in :mod:`yolokit.datasets.checks`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.findings import require_allowed
from yolokit.datasets.build_table import build_table
from yolokit.datasets.checks import run_checks
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.data_yaml import DataYaml, load_data_yaml
from yolokit.datasets.facts import DatasetFacts, SplitFacts
from yolokit.datasets.splits import list_split_images
from yolokit.errors import DataError
from yolokit.images.scan import scan_images
from yolokit.labels.ledger import join_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from yolokit.datasets.splits import SplitImage
    from yolokit.images.scan import ImageScan

UNUSABLE = "unusable-images"
_TRAINED_ON = ("train", "val")


class DatasetReport(msgspec.Struct, frozen=True):
    """A data set that can be trained on.

    Attributes:
        path: Its ``data.yaml``, absolute.
        splits: Split to what it holds, without what is left out.
        sha256: Over the class names, and the image names and label files of train and val; the
            same wherever it lies.
        warnings: What is odd but not an error, one sentence each.
        is_pose: Whether its label rows have keypoints after the boxes.
        images: Split to the files of the images that were checked and can be used, for every
            job that follows.
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
    data = load_data_yaml(path, need=_TRAINED_ON)
    facts = read_facts(data, leaves_out=UNUSABLE in allow, on_progress=on_progress)
    _refuse_errors(facts)
    notes = [*data.notes, *require_allowed(run_checks(facts, "doubt"), allow)]
    notes += [finding.message for finding in run_checks(facts, "warning")]
    return DatasetReport(
        data.path,
        data.names,
        {name: split.counts for name, split in facts.all_splits.items()},
        _digest(facts),
        tuple(notes),
        data.pose is not None,
        {name: split.used for name, split in facts.splits.items()},
    )


def read_facts(
    data: DataYaml,
    *,
    leaves_out: bool = False,
    imgsz: int = 640,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> DatasetFacts:
    """Read every label, and decode every image of train and val.

    Raises:
        DataError: The images of train or val cannot be listed.
    """
    listed = {
        split: list(list_split_images(data, split)) for split in _TRAINED_ON if split in data.splits
    }
    paths = list(dict.fromkeys(image.path for images in listed.values() for image in images))
    scans = scan_images(paths, on_progress=lambda done: on_progress(done, len(paths)))
    problems = _problems(scans)
    splits = {split: SplitFacts(data, split, images, problems) for split, images in listed.items()}
    unused: dict[str, SplitFacts] = {}
    for split in data.splits:
        if split not in listed:
            unused[split], heads = _read_unused(data, split)
            scans = heads | scans
    return DatasetFacts(
        path=data.path,
        purpose="train",
        names=data.names,
        table=build_table(data, splits | unused, scans),
        scans=scans,
        imgsz=imgsz,
        data=data,
        splits=splits,
        unused=unused,
        leaves_out=leaves_out,
    )


def _problems(scans: Mapping[str, ImageScan]) -> dict[str, str]:
    return {path: scan.problem for path, scan in scans.items() if scan.problem is not None}


def check_labels(data: DataYaml, split: str) -> list[str]:
    """Check the labels of a split that a model is measured on; its images are read then.

    Returns:
        What is odd but not an error, one sentence each.

    Raises:
        ConfigError: There is no such split.
        DataError: Label rows are wrong, or not one label file is found.
    """
    found = SplitFacts(data, split, list(list_split_images(data, split)), {})
    facts = DatasetFacts(
        path=data.path,
        purpose="val",
        names=data.names,
        table=build_table(data, {split: found}, {}),
        data=data,
        splits={split: found},
    )
    errors = [finding.to_error() for finding in run_checks(facts, "error")]
    if errors:
        raise join_errors(errors, f"problems in the labels of {split}")
    notes = [*data.notes, *(finding.message for finding in run_checks(facts, "warning"))]
    if data.pose is not None:
        notes.append("the labels are poses: only their boxes are checked")
    return notes


def _read_unused(data: DataYaml, split: str) -> tuple[SplitFacts, dict[str, ImageScan]]:
    """Look at a split that training does not read; one that cannot be listed has that fault."""
    images: list[SplitImage] = []
    faults: list[DataError] = []
    try:
        images += list_split_images(data, split)
    except DataError as error:
        faults.append(error)
    scans = scan_images([image.path for image in images], decode=False)
    facts = SplitFacts(data, split, images, _problems(scans))
    facts.faults[:0] = faults
    return facts, scans


def _refuse_errors(facts: DatasetFacts) -> None:
    """Refuse what nothing allows, all of it in one error."""
    errors = [finding.to_error() for finding in run_checks(facts, "error")]
    if not errors:
        return
    if not facts.leaves_out:
        errors += [error for split in facts.splits.values() for error in split.unusable]
    raise join_errors(
        errors,
        "problems in the data set",
        hint="ultralytics would leave out the whole image for each bad row without saying so; "
        "fix them, or run `yolokit data convert` on the set",
    )


def _digest(facts: DatasetFacts) -> str:
    digest = hashlib.sha256("\n".join(facts.names).encode())
    for name, split in facts.splits.items():
        digest.update(f"\n\n{name}\n".encode())
        digest.update(b"\n".join(sorted(split.lines)))
    return digest.hexdigest()
