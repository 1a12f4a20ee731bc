"""Pascal VOC: one XML file an image, splits in ``ImageSets/Main``.

Coordinates are read as stated. The original devkit counts pixels from 1, most tools of today
from 0, and no single file shows which: ``--assume origin=1`` subtracts 1 from the minima. CVAT's
attribute ``rotation`` turns a box clockwise about its centre, in degrees; so does the ``angle`` of
roLabelImg's ``<robndbox>``, in radians.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from xml.sax.saxutils import escape

from yolokit.core.gc import collector_paused
from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.formats.toolkit.text_labels import write_number
from yolokit.formats.toolkit.xml_tree import check_xml_names
from yolokit.formats.voc.reader import VocReader
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, LabelledImage, make_categories
from yolokit.labels.splits import SPLITS

TITLE = "Pascal VOC"
READS: tuple[Task, ...] = (Task.DETECT, Task.OBB)
RECOGNISED_BY = "XML files whose root element is <annotation>"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"origin": ("0", "1"), "difficult": ("keep", "exclude")}
)
WRITES: tuple[Task, ...] = (Task.DETECT,)
IMAGE_FOLDER = "JPEGImages"
WRITTEN = ("Annotations/*.xml", "ImageSets/Main/{split}.txt")
MANY_OUTLINES = False


def sniff(tree: SourceTree) -> Match | None:
    """Recognise XML whose root element is ``annotation``."""
    file = tree.first(_is_voc, ".xml", among=5)
    if file is None:
        return None
    return Match(1.0, f"{file.name} has the root element <annotation>")


def _is_voc(head: bytes) -> bool:
    plain = head.replace(b"\x00", b"")
    is_labelme = b"<polygon>" in plain and b"bndbox>" not in plain  # that of MIT
    return (b"<annotation>" in plain or b"<annotation " in plain) and not is_labelme


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a VOC set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    The names of all classes are known only when all files are read, so that is done here, once;
    what is kept are a few hundred bytes an image.

    Raises:
        DataError: A file is not a VOC annotation, with its line.
    """
    reader = VocReader(source, options, ledger)
    with collector_paused():
        parsed = reader.read_files(SourceTree(source).files(".xml"))
        if not parsed:
            raise DataError("there are no XML files in it", path=source)
        reader.note_unannotated()
        names = sorted({name for one in parsed for name in one.names})
        images = reader.to_images(parsed, names)
        del parsed  # before the collector looks at it
    return Dataset(
        make_categories(names),
        lambda: iter(images),
        evidence=reader.evidence(),
        has_splits=reader.has_splits,
        image_count=len(images),
    )


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write XML files and splits; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: A class has a name that XML cannot hold.
    """
    del remarks  # the format has no place for them
    check_xml_names(dataset.names)
    names = [escape(name) for name in dataset.names]
    ids: dict[str, list[str]] = {}
    for labelled in dataset.iter_images():
        image_id = labelled.image.file_name.rpartition(".")[0] or labelled.image.file_name
        ids.setdefault(labelled.image.split or "", []).append(image_id)
        path = folder.joinpath("Annotations", *f"{image_id}.xml".split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_to_xml(labelled, names), encoding="utf-8", newline="\n")
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        if split in ids:
            text = "".join(f"{image_id}\n" for image_id in ids[split])
            (lists / f"{split}.txt").write_text(text, encoding="utf-8", newline="\n")


def _to_xml(labelled: LabelledImage, names: list[str]) -> str:
    width_px, height_px = labelled.image.image_wh
    lines = [
        "<annotation>",
        f"  <filename>{escape(labelled.image.file_name)}</filename>",
        "  <size>",
        f"    <width>{width_px}</width>",
        f"    <height>{height_px}</height>",
        "    <depth>3</depth>",
        "  </size>",
    ]
    annotations = labelled.annotations
    for at, box in zip(annotations.category_indices.tolist(), annotations.xyxy, strict=True):
        lines += ["  <object>", f"    <name>{names[at]}</name>", *_to_bndbox(box), "  </object>"]
    return "\n".join([*lines, "</annotation>", ""])


def _to_bndbox(box: F64) -> list[str]:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box.tolist(), strict=True)
    inner = [f"      <{corner}>{write_number(value)}</{corner}>" for corner, value in corners]
    return ["    <bndbox>", *inner, "    </bndbox>"]
