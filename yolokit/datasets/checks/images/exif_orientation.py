"""Images that say in their EXIF data how they are to be turned."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_image
from yolokit.datasets.facts import DatasetFacts
from yolokit.images.orientation import UPRIGHT, is_transposed

CODE = "exif-orientation"
TITLE = "images that are turned by their EXIF orientation"
SEVERITY = "warning"
PURPOSES = ("train", "source")
HINT = (
    "look at some with `yolokit data show`: browsers, OpenCV and training turn them upright, and "
    "tools that read raw pixels, such as older LabelImg and plain PIL, do not; where labels do not "
    "fit, `yolokit data convert --assume exif=stored` turns them"
)


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each image that is not stored upright."""
    for image, path in enumerate(facts.table.images.paths):
        scan = facts.scans.get(path)
        if scan is None or scan.orientation == UPRIGHT:
            continue
        width, height = scan.wh_px
        message = f"orientation {scan.orientation}: labels are taken as drawn on the upright image"
        if is_transposed(scan.orientation):
            message += f" of {width}x{height} px, which is stored as {height}x{width} px"
        yield at_image(facts, CODE, image, message)
