"""Check a YOLO data set before it is used: every mistake, with its file and line.

ultralytics leaves a whole image out for one bad row, with a line in a log; here that is an error.
What is looked for is in :mod:`yolokit.datasets.checks`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.datasets.build_table import table_of_splits
from yolokit.datasets.check_report import describe_group, group_findings, refuse_groups
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.data_yaml import DataYaml, load_data_yaml
from yolokit.datasets.facts import DatasetFacts, SplitFacts
from yolokit.datasets.read_facts import TRAINED_ON, read_facts
from yolokit.datasets.splits import list_split_images

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

UNUSABLE = "unusable-images"


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
        hashes: ``<split>/<name>`` and the sha256 of each of these files, as hexadecimal digits.
    """

    path: Path
    names: tuple[str, ...]
    splits: Mapping[str, SplitCounts]
    sha256: str
    warnings: tuple[str, ...]
    is_pose: bool
    images: Mapping[str, list[str]]
    hashes: Sequence[tuple[str, str]]


def check_dataset(
    path: Path,
    *,
    allow: Collection[str] = (),
    imgsz: int = 640,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> DatasetReport:
    """Check everything that training reads: paths, classes, label rows, images.

    What is wrong with a test split, which training does not read, is a warning.

    Args:
        path: A ``data.yaml``, or the folder in which it lies.
        allow: Codes of findings that are allowed; images that cannot be used are left out then.
        imgsz: The resolution of training in px.
        on_progress: Called with the number of images looked at, and of all.

    Raises:
        DataError: Anything is wrong; the message lists the first problems and counts all.
    """
    data = load_data_yaml(path, need=TRAINED_ON)
    leaves_out = UNUSABLE in allow
    facts = read_facts(data, leaves_out=leaves_out, imgsz=imgsz, on_progress=on_progress)
    groups = group_findings(facts, allow)
    refuse_groups(groups, "problems in the data set")
    told = [group for group in groups if group.severity != "advice"]
    return DatasetReport(
        data.path,
        data.names,
        {name: split.counts for name, split in facts.all_splits.items()},
        _digest(facts.names, facts.splits),
        (*data.notes, *(note for group in told for note in describe_group(group, data.path))),
        data.pose is not None,
        {name: split.used for name, split in facts.splits.items()},
        _list_hashes(facts),
    )


def check_labels(data: DataYaml, split: str) -> list[str]:
    """Check the labels of a split that a model is measured on; its images are read then.

    Returns:
        What is odd but not an error, one sentence each.

    Raises:
        ConfigError: There is no such split.
        DataError: Label rows are wrong, or not one label file is found.
    """
    found = SplitFacts(data, split, list(list_split_images(data, split)), (), {})
    facts = DatasetFacts(
        path=data.path,
        purpose="val",
        names=data.names,
        table=table_of_splits(data, {split: found}, {}),
        data=data,
        splits={split: found},
    )
    groups = group_findings(facts, ())
    refuse_groups(groups, f"problems in the labels of {split}")
    told = [group for group in groups if group.severity != "advice"]
    notes = [*data.notes, *(note for group in told for note in describe_group(group, data.path))]
    if data.pose is not None:
        notes.append("the labels are poses: only their boxes are checked")
    return notes


def hash_labels(data: DataYaml) -> str:
    """Return what :attr:`DatasetReport.sha256` is where every image can be used.

    Raises:
        DataError: The images of train or val cannot be listed.
    """
    splits = {
        split: SplitFacts(data, split, list(list_split_images(data, split)), (), {})
        for split in TRAINED_ON
        if split in data.splits
    }
    return _digest(data.names, splits)


def _list_hashes(facts: DatasetFacts) -> list[tuple[str, str]]:
    scans = facts.scans
    return [
        (f"{name}/{image.name}", scans[image.path].digest.hex())
        for name, split in facts.splits.items()
        for image in split.listed
        if scans[image.path].problem is None
    ]


def _digest(names: Sequence[str], splits: Mapping[str, SplitFacts]) -> str:
    digest = hashlib.sha256("\n".join(names).encode())
    for name, split in splits.items():
        digest.update(f"\n\n{name}\n".encode())
        digest.update(b"\n".join(sorted(split.lines)))
    return digest.hexdigest()
