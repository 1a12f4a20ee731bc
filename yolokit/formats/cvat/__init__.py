"""CVAT XML 1.1: ``annotations.xml`` of "CVAT for images" and "CVAT for video", as CVAT exports it.

Coordinates are px from the top-left corner of the image. ``rotation`` is in degrees, clockwise
about the centre of the box or ellipse that is not turned. A mask has its runs along the rows of
its own box, background first. Each shape of an image is in its ``<image>``; of a video, in
the ``<track>`` of its object with the number that the frame has in the video, also where the task
takes only every n-th. ``outside="1"`` says that the object is not seen from that frame on.
CVAT writes all frames of a track; other tools write key frames alone, between which boxes,
ellipses, skeletons and polygons of the same number of points change linearly.

Shapes of an image or a frame that have the same label and ``group_id`` (other than 0) are parts of
one object, as in what CVAT exports as COCO, unless two are boxes or two are skeletons: a box, its
outlines, its keypoints. A skeleton has no box: without one in its group, the box around its visible
points is taken. Poses are written as a box and a skeleton in a group, and a pose without labelled
keypoints as a box alone. Points have ``outside="1"`` where they are not labelled and
``occluded="1"`` where they are hidden.

Source: https://docs.cvat.ai/docs/other/xml_format, and of cvat-ai/cvat
``cvat/apps/dataset_manager/formats/cvat.py`` and ``annotation.py``.
"""

from __future__ import annotations

import re
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.cvat.reader import CvatReader
from yolokit.formats.cvat.writer import write_cvat
from yolokit.formats.toolkit.object_groups import GROUP
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import SourceTree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

TITLE = "CVAT XML 1.1 (for images, for video)"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
RECOGNISED_BY = "XML files whose root element is <annotations> with images or tracks"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "group": GROUP,
        "gaps": ("auto", "fill", "leave"),
        "track-end": ("last-key-frame", "stop-frame"),
        "frame-files": ("by-number", "sorted"),
    }
)
WRITES: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
IMAGE_FOLDER = "images/{split}"
WRITTEN = ("annotations.xml",)
MANY_OUTLINES = False

_ROOT = re.compile(
    rb"\s*(<\?xml.{0,200}?\?>)?\s*(<!--.{0,4096}?-->\s*)*<annotations[\s>]", re.DOTALL
)
_SNIFFED_FILES = 20
_PARTS = (b"<version>", b"<meta>", b"<image ", b"<track ")


def sniff(tree: SourceTree) -> Match | None:
    """Recognise XML whose root element is ``annotations`` and has CVAT's parts."""
    for file in islice(tree.files(".xml"), _SNIFFED_FILES):
        if _is_cvat(tree.head(file)):
            return Match(1.0, f"{file.name} has the root element <annotations> with CVAT's parts")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a CVAT file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no CVAT file, or one is broken, with its line.
    """
    tree = SourceTree(source)
    paths = [source] if tree.is_file else [f for f in tree.files(".xml") if _is_cvat(tree.head(f))]
    if not paths:
        raise DataError("there is no XML file with a root element <annotations> in it", path=source)
    return CvatReader(source, options, ledger).read(paths)


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write "CVAT for images"; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    write_cvat(dataset, folder / "annotations.xml", remarks)


def _is_cvat(head: bytes) -> bool:
    plain = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    return _ROOT.match(plain) is not None and any(part in plain for part in _PARTS)
