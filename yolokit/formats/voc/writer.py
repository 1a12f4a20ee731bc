"""Writes Pascal VOC: an XML file an image, and the splits as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from yolokit.errors import DataError
from yolokit.labels.splits import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import F64
    from yolokit.labels.model import Dataset, LabelledImage


def write_voc(dataset: Dataset, folder: Path) -> None:
    """Write ``Annotations/*.xml`` and ``ImageSets/Main/<split>.txt``.

    Args:
        dataset: Images with split and size, boxes inside the image.
        folder: Where the set is built.

    Raises:
        DataError: A class has a name that XML cannot hold.
    """
    for name in dataset.names:
        if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in name):
            raise DataError(f"XML cannot hold the class name {name!r}")
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
    inner = [f"      <{corner}>{_number(value)}</{corner}>" for corner, value in corners]
    return ["    <bndbox>", *inner, "    </bndbox>"]


def _number(value: float) -> str:
    """Write a coordinate with at most three digits after the point, none where it is whole."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
