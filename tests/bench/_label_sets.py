"""What the conversion benchmark runs on: label sets of any size, seeded, without images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

IMAGE_WH = (640, 480)
CLASSES = tuple(f"class {index}" for index in range(1, 81))

_VOC_OBJECT = """
  <object>
    <name>{name}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <bndbox>
      <xmin>{:.0f}</xmin>
      <ymin>{:.0f}</ymin>
      <xmax>{:.0f}</xmax>
      <ymax>{:.0f}</ymax>
    </bndbox>
  </object>"""

_VOC_FILE = """<annotation>
  <folder>JPEGImages</folder>
  <filename>{name}</filename>
  <source><database>Unknown</database></source>
  <size>
    <width>640</width>
    <height>480</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>{objects}
</annotation>
"""

_CVAT_IMAGE = '  <image id="{index}" name="{name}" width="640" height="480">{boxes}\n  </image>\n'
_CVAT_BOX = (
    '\n    <box label="{name}" source="manual" occluded="0" xtl="{:.2f}" ytl="{:.2f}" '
    'xbr="{:.2f}" ybr="{:.2f}" z_order="0">\n    </box>'
)
# Without the declaration that CVAT writes: labelformat cannot read a file that has one.
_CVAT_HEAD = """\
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <name>train</name>
      <labels>{labels}
      </labels>
    </task>
  </meta>
"""


class Labels(NamedTuple):
    """Boxes of some images of 640x480 px.

    Attributes:
        image_count: How many images there are; they are called after their number.
        owners: (N,) int64, the image of each box, ascending.
        classes: (N,) int64, index into ``CLASSES``.
        xyxy: (N, 4) float64, px, two decimals.
    """

    image_count: int
    owners: np.ndarray[tuple[int], np.dtype[np.int64]]
    classes: np.ndarray[tuple[int], np.dtype[np.int64]]
    xyxy: np.ndarray[tuple[int, int], np.dtype[np.float64]]

    def by_image(self) -> list[list[tuple[str, list[float]]]]:
        """Return class name and box of all objects of each image."""
        found: list[list[tuple[str, list[float]]]] = [[] for _ in range(self.image_count)]
        rows = zip(self.owners.tolist(), self.classes.tolist(), self.xyxy.tolist(), strict=True)
        for owner, index, box in rows:
            found[owner].append((CLASSES[index], box))
        return found


def draw_labels(image_count: int, box_count: int) -> Labels:
    """Make boxes of 2 to 40 px a side."""
    rng = np.random.default_rng(0)
    owners = np.sort(rng.integers(0, image_count, box_count))
    low = np.round(1 + rng.random((box_count, 2)) * [598, 438], 2)
    high = np.round(low + 2 + rng.random((box_count, 2)) * 38, 2)
    classes = rng.integers(0, len(CLASSES), box_count)
    return Labels(image_count, owners, classes, np.hstack([low, high]))


def image_name(index: int) -> str:
    """Return the name of an image, as COCO numbers its own."""
    return f"{index:012d}.jpg"


def write_coco(labels: Labels, folder: Path, *, outlines: bool = False) -> Path:
    """Write one file with the fields and the number of bytes an item that COCO's has.

    Args:
        labels: What to write.
        folder: Gets ``annotations/instances_train.json``.
        outlines: Whether each box is that of an outline of 24 points.
    """
    images = [
        {
            "license": 3, "file_name": image_name(index),
            "coco_url": f"http://images.example/train/{image_name(index)}", "height": 480,
            "width": 640, "date_captured": "2013-11-14 17:02:52", "id": index + 9,
        }
        for index in range(labels.image_count)
    ]  # fmt: skip
    order = np.random.default_rng(1).permutation(len(labels.owners))  # COCO's is not by image
    xywh = np.hstack([labels.xyxy[:, :2], labels.xyxy[:, 2:] - labels.xyxy[:, :2]])[order]
    annotations = [
        {
            "segmentation": [_outline(box)] if outlines else [], "area": round(box[2] * box[3], 2),
            "iscrowd": 0, "image_id": owner + 9, "bbox": box, "category_id": category + 1,
            "id": index,
        }
        for index, (owner, box, category) in enumerate(
            zip(
                labels.owners[order].tolist(),
                xywh.round(2).tolist(),
                labels.classes[order].tolist(),
                strict=True,
            )
        )
    ]  # fmt: skip
    names = enumerate(CLASSES, 1)
    categories = [{"supercategory": "thing", "id": id_, "name": name} for id_, name in names]
    content = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
    path = folder / "annotations" / "instances_train.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_voc(labels: Labels, folder: Path) -> Path:
    """Write an XML file an image, whole px as most tools do, and the list of a split.

    Datumaro takes the classes from a ``labelmap.txt``.
    """
    (folder / "Annotations").mkdir(parents=True)
    for index, objects in enumerate(labels.by_image()):
        name = image_name(index)
        text = "".join(_VOC_OBJECT.format(*box, name=label) for label, box in objects)
        path = (folder / "Annotations" / name).with_suffix(".xml")
        path.write_text(_VOC_FILE.format(name=name, objects=text), encoding="utf-8")
    ids = "".join(f"{index:012d}\n" for index in range(labels.image_count))
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text(ids, encoding="utf-8")
    (folder / "labelmap.txt").write_text("".join(f"{name}:::\n" for name in CLASSES), "utf-8")
    return folder


def write_cvat(labels: Labels, folder: Path) -> Path:
    """Write one file of "CVAT for images"."""
    folder.mkdir(parents=True)
    path = folder / "annotations.xml"
    names = "".join(f"\n        <label><name>{name}</name></label>" for name in CLASSES)
    with path.open("w", encoding="utf-8") as stream:
        stream.write(_CVAT_HEAD.format(labels=names))
        for index, objects in enumerate(labels.by_image()):
            boxes = "".join(_CVAT_BOX.format(*box, name=label) for label, box in objects)
            stream.write(_CVAT_IMAGE.format(index=index, name=image_name(index), boxes=boxes))
        stream.write("</annotations>\n")
    return path


def write_flat_images(folder: Path, image_count: int) -> None:
    """Write images of one colour, all hard links of one file: as quick to decode as any."""
    folder.mkdir()
    first = folder / image_name(0)
    cv2.imwrite(str(first), np.full((IMAGE_WH[1], IMAGE_WH[0], 3), 128, np.uint8))
    for index in range(1, image_count):
        try:
            (folder / image_name(index)).hardlink_to(first)
        except OSError:  # a file has 65,000 links at most on ext4
            shutil.copyfile(first, folder / image_name(index))


def _outline(xywh: list[float]) -> list[float]:
    """Return an ellipse in a box as x, y, x, y..."""
    x, y, width, height = xywh
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    around = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    points = np.array([x, y]) + np.array([width, height]) * (around + 1) / 2
    flat: list[float] = points.round(2).ravel().tolist()
    return flat
