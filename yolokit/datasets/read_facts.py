"""Reads what the checks of a YOLO set look at: every label, and every image once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.findings import Finding
from yolokit.datasets.build_table import table_of_splits
from yolokit.datasets.facts import UNREADABLE, DatasetFacts, SplitFacts
from yolokit.datasets.splits import list_split_images
from yolokit.errors import DataError
from yolokit.images.scan import scan_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.splits import SplitImage
    from yolokit.images.scan import ImageScan

TRAINED_ON = ("train", "val")


def read_facts(
    data: DataYaml,
    *,
    leaves_out: bool = False,
    imgsz: int = 640,
    labels_only: bool = False,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> DatasetFacts:
    """Read every label and decode every image, those of splits that training does not read too.

    What it shares with train would make figures untrue that are measured on it.

    Args:
        data: The set.
        leaves_out: Images that cannot be used are left out.
        imgsz: The resolution of training in px.
        labels_only: Look at no image.
        on_progress: Called with the number of images looked at, and of all.

    Raises:
        DataError: The images of train or val cannot be listed.
    """
    listed = {
        split: list(list_split_images(data, split)) for split in TRAINED_ON if split in data.splits
    }
    rest = {split: _list_unused(data, split) for split in data.splits if split not in listed}
    scans: Mapping[str, ImageScan] = {}
    if not labels_only:
        paths = _paths_of([*listed.values(), *(images for images, _ in rest.values())])
        scans = scan_images(paths, on_progress=lambda done: on_progress(done, len(paths)))
    problems = {path: scan.problem for path, scan in scans.items() if scan.problem is not None}
    splits = {
        split: SplitFacts(data, split, images, (), problems) for split, images in listed.items()
    }
    unused = {split: SplitFacts(data, split, *found, problems) for split, found in rest.items()}
    return DatasetFacts(
        path=data.path,
        purpose="train",
        names=data.names,
        table=table_of_splits(data, splits | unused, scans),
        scans=scans,
        imgsz=imgsz,
        data=data,
        splits=splits,
        unused=unused,
        leaves_out=leaves_out,
    )


def _paths_of(splits: Iterable[list[SplitImage]]) -> list[str]:
    """Return each file of some splits once."""
    return list(dict.fromkeys(image.path for images in splits for image in images))


def _list_unused(data: DataYaml, split: str) -> tuple[list[SplitImage], list[Finding]]:
    """List a split that training does not read; one that cannot be listed has that fault."""
    images: list[SplitImage] = []
    try:
        images += list_split_images(data, split)
    except DataError as error:
        return images, [Finding.of_error(UNREADABLE, error)]
    return images, []
