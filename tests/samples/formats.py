"""Small valid data sets in every annotation format: what tests break in many ways.

Those of formats that can be written are written by yolokit itself; the others, and what it never
writes (masks, tracks, crowds), are put together with the makers of the formats' own tests.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tests.unit.conftest import coco, coco_image, write_image
from tests.unit.formats import test_bdd100k as bdd100k
from tests.unit.formats import test_cvat as cvat
from tests.unit.formats import test_datumaro as datumaro
from tests.unit.formats import test_fiftyone as fiftyone
from tests.unit.formats import test_groundtruth as groundtruth
from tests.unit.formats import test_labelme as labelme
from tests.unit.formats import test_labelstudio as labelstudio
from tests.unit.formats import test_openimages as openimages
from tests.unit.formats import test_supervisely as supervisely
from tests.unit.formats import test_via as via
from tests.unit.formats.tfrecords import record
from yolokit.core.task import Task
from yolokit.formats.toolkit.plugin import load_format, writable_tasks
from yolokit.labels.model import (
    Annotations,
    Category,
    Dataset,
    ImageRecord,
    LabelledImage,
    PoseLayout,
    SourceFile,
)
from yolokit.labels.shapes import Shape, box_corners, rotated_corners

Files: TypeAlias = Mapping[str, bytes]
WH = (64, 48)
_MASK = np.array([[0, 255, 255, 0], [255, 255, 0, 0], [255, 0, 0, 0]], np.uint8)


@cache
def list_samples(name: str) -> tuple[Files, ...]:
    """Return the samples of a format, each as the content of its files by their names."""
    written = [_write(name, task) for task in writable_tasks(name)]
    made = [_encode(make()) for make in _MAKERS.get(name, ())]
    assert written or made, f"there is no sample of the format {name!r}: add one here"
    return (*written, *made)


def put_files(files: Files, folder: Path) -> Path:
    """Write a sample and return its folder."""
    for name, content in files.items():
        path = folder.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@cache
def picture(suffix: str = ".jpg") -> bytes:
    """Return an image file of :data:`WH`."""
    with tempfile.TemporaryDirectory() as folder:
        return write_image(Path(folder) / f"a{suffix}", *WH).read_bytes()


def make_dataset(task: Task) -> Dataset:
    """Return three images of two splits, one of them without annotations."""
    rings = [
        rotated_corners((30, 24), (20, 8), 30),
        box_corners([4, 6, 20, 30]),
        rotated_corners((40.5, 20.25), (10, 12), -70),
    ]
    if task == "detect":
        rings = [box_corners([4.5, 6, 20, 30]), box_corners([0, 0, *WH])]
    kind = "rotated" if task == "obb" else "polygon"
    shapes = {row: Shape((ring,), kind) for row, ring in enumerate(rings)}  # type: ignore[arg-type]
    points = np.array([[[*ring[0], 2], [0, 0, 0], [*ring[2], 1]] for ring in rings])
    annotations = Annotations(
        np.arange(len(rings)) % 2,
        np.array([shape.xyxy for shape in shapes.values()]),
        np.arange(len(rings)),
        shapes=shapes if task in ("segment", "obb") else {},
        keypoints=points if task == "pose" else None,
    )
    source = SourceFile("made here")
    images = [
        LabelledImage(ImageRecord(name, *WH, split, None, source), labels)
        for name, split, labels in (
            ("a.jpg", "train", annotations),
            ("b c.jpg", "train", Annotations.empty()),
            ("v.jpg", "val", annotations),
        )
    ]
    pose = PoseLayout(("left", "nose", "right"), (2, 1, 0)) if task == "pose" else None
    classes = (Category(0, "cat", 3), Category(1, "big dog", 7))
    return Dataset(classes, lambda: iter(images), has_splits=True, task=task, pose=pose)


def _write(name: str, task: Task) -> Files:
    module, dataset = load_format(name), make_dataset(task)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for one in dataset.iter_images():
            images = folder / module.IMAGE_FOLDER.format(split=one.image.split)
            write_image(images / one.image.file_name, *WH)
        module.write(dataset, folder, ["made by a test"])
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def _encode(files: Mapping[str, Any]) -> Files:
    """Turn texts and JSON values into bytes."""
    contents: dict[str, bytes] = {}
    for name, value in files.items():
        if isinstance(value, bytes):
            contents[name] = value
        else:
            text = value if isinstance(value, str) else json.dumps(value, indent=1)
            contents[name] = text.encode()
    return contents


def _bdd100k() -> dict[str, Any]:
    labels = [
        bdd100k.label(),
        bdd100k.label("bus", poly2d=[bdd100k.poly(), bdd100k.poly(types="LCCL")]),
        bdd100k.label(rle={"counts": "24", "size": [2, 3]}),
        bdd100k.label(box2d=bdd100k.BOX, attributes={"crowd": True}),
    ]
    frames = [bdd100k.frame(*labels), bdd100k.frame(name="b.jpg", size={"width": 64, "height": 48})]
    return {"det_train.json": frames, "images/a.jpg": picture(), "images/b.jpg": picture()}


def _coco() -> dict[str, Any]:
    rle = {"counts": [0, 10, WH[0] * WH[1] - 10], "size": [WH[1], WH[0]]}
    more: list[dict[str, Any]] = [
        {"bbox": [4, 6, 16, 24], "iscrowd": 0, "area": 384, "segmentation": []},
        {"bbox": [4, 6, 16, 24], "segmentation": [[1, 2, 30, 4, 20, 40], [1, 1, 9, 1, 5, 5]]},
        {"segmentation": rle},
        {"bbox": [0, 0, 2, 3], "iscrowd": 1, "segmentation": {"counts": "24", "size": [2, 3]}},
        {"bbox": [4, 6, 16, 24], "keypoints": [5, 7, 2, 0, 0, 0, 9, 9, 1], "num_keypoints": 2},
    ]
    categories = [{"id": 1, "name": "cat", "keypoints": ["l", "n", "r"], "skeleton": [[1, 2]]}]
    annotations = [{"image_id": 1, "category_id": 1, **one} for one in more]
    content = coco([coco_image(1), coco_image(2)], annotations, categories)
    return {"annotations.json": content, "images/1.jpg": picture(), "images/2.jpg": picture()}


def _csv() -> dict[str, Any]:
    kaggle = "image_id,width,height,bbox,source\n"
    rows = 'a,64,48,"[34, 6, 16, 24]",usask\na,64,48,"[1, 2, 3, 4]",usask\nb,64,48,,\n'
    return {"train.csv": kaggle + rows, "train/a.jpg": picture(), "train/b.jpg": picture()}


def _cvat() -> dict[str, Any]:
    tracks = (
        cvat.key(0, 1) + cvat.key(4, 30) + cvat.key(6, 30, outside=1),
        cvat.key(1, 5, more='rotation="30"') + cvat.key(3, 9, more='rotation="60"'),
    )
    frames = {f"images/frame_{at:06}.jpg": picture() for at in range(8)}
    return {"annotations.xml": cvat.video_xml(*tracks, more="<size>8</size>"), **frames}


def _cvat_shapes() -> dict[str, Any]:
    shapes = (
        cvat.box(),
        '<polygon label="cat" points="1,2;30,4;20,40" z_order="0"></polygon>',
        '<ellipse label="dog" cx="30" cy="20" rx="9" ry="5" rotation="30" z_order="0"></ellipse>',
        '<mask label="dog" rle="1, 2, 3" left="4" top="5" width="3" height="2" z_order="0"></mask>',
    )
    return {"annotations.xml": cvat.images_xml(*shapes), "images/a.jpg": picture()}


def _darknet() -> dict[str, Any]:
    return {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = b/\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n",
        "obj_train_data/a.txt": "1 .5 .5 .5 .5\n0 0.25 0.25 0.1 0.1\n",
        "obj_train_data/a.jpg": picture(),
        "obj_train_data/b.jpg": picture(),
    }


def _datumaro() -> dict[str, Any]:
    annotations = (
        datumaro.one(),
        datumaro.one("polygon", points=[1, 2, 30, 4, 20, 40], group=3),
        datumaro.one("mask", rle={"size": [3, 4], "counts": [5, 2, 5]}, group=3),
        datumaro.one("points", 2, points=[5, 7, 0, 0, 9, 9], visibility=[2, 0, 1], group=4),
        datumaro.one("bbox", 2, group=4),
    )
    points = [{"label_id": 2, "labels": ["left", "nose", "right"], "joints": [], "positions": []}]
    content = datumaro.content(datumaro.item(*annotations), datumaro.item(name="b"), points=points)
    files = {f"images/default/{name}.jpg": picture() for name in "ab"}
    return {"annotations/default.json": content, **files}


def _dota() -> dict[str, Any]:
    head = "imagesource:GoogleEarth\ngsd:0.14\n"
    rows = head + "4 6 20 6 20 30 4 30 plane 0\n1 2 30 4 20 40 3 9 ship 1\n"
    return {"labelTxt/a.txt": rows, "images/a.png": picture(".png")}


def _fiftyone() -> dict[str, Any]:
    things = (
        fiftyone.detection(),
        fiftyone.detection("dog", mask=fiftyone.mask_of(np.ones((6, 4), bool))),
    )
    outlines = fiftyone.polylines(fiftyone.polyline([[0.1, 0.1], [0.5, 0.1], [0.5, 0.9]]))
    samples = [
        fiftyone.sample(ground_truth=fiftyone.detections(*things), outlines=outlines),
        fiftyone.sample("data/b.jpg", size=False, ground_truth=fiftyone.detections()),
    ]
    return {
        "metadata.json": {"name": "x", "media_type": "image", "sample_fields": []},
        "samples.json": {"samples": samples},
        "data/a.jpg": picture(),
        "data/b.jpg": picture(),
    }


def _fiftyone_labels() -> dict[str, Any]:
    box = {"label": 0, "bounding_box": [0.25, 0.5, 0.5, 0.25]}
    content = {"classes": ["dog", "cat"], "labels": {"a": [box, box], "b": None}}
    return {"labels.json": content, "data/a.jpg": picture(), "data/b.jpg": picture()}


def _groundtruth() -> dict[str, Any]:
    lines = [
        groundtruth.line([groundtruth.box(), groundtruth.box(7)]),
        groundtruth.line([groundtruth.box(7)], "s3://bucket/b.jpg"),
        groundtruth.line([], "s3://bucket/c.jpg"),
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return {"output.manifest": text, **{f"images/{name}.jpg": picture() for name in "abc"}}


def _kitti() -> dict[str, Any]:
    rows = (
        "Car 0.00 0 -1.58 4.00 6.00 20.50 30.25 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
        "DontCare -1 -1 -10 50.19 9.95 51.11 25.93 -1 -1 -1 -1000 -1000 -1000 -10\n"
    )
    return {"training/label_2/000.txt": rows, "training/image_2/000.png": picture(".png")}


def _labelme() -> dict[str, Any]:
    shapes = (
        labelme.shape([[1, 2], [5, 9]], "rectangle"),
        labelme.shape([[20, 20], [23, 24]], "circle", "dog"),
        labelme.shape([[1, 2], [11, 2], [11, 22]], group_id=1),
        labelme.shape([[10, 20], [13, 22]], "mask", mask=labelme.encode(_MASK)),
    )
    return {"a.json": labelme.content(*shapes), "a.jpg": picture()}


def _labelstudio() -> dict[str, Any]:
    mask = np.zeros(WH[::-1], bool)
    mask[4:9, 3:20] = True
    results = (
        labelstudio.box(),
        labelstudio.box("dog", 30),
        labelstudio.brush(labelstudio.pack(mask)),
        labelstudio.result(
            {"points": [[1, 2], [30, 4], [20, 40]], "polygonlabels": ["cat"]}, type="polygonlabels"
        ),
    )
    sized = [{**one, "original_width": WH[0], "original_height": WH[1]} for one in results]
    tasks = [labelstudio.task(labelstudio.annotation(*sized)), labelstudio.task(image="b.jpg")]
    name = labelstudio.NAME
    return {"project.json": tasks, f"images/{name}": picture(), "images/b.jpg": picture()}


def _openimages() -> dict[str, Any]:
    rows = [openimages.HEAD, openimages.row("a"), openimages.row("a", "/m/01g317", "0,1,0,0.5")]
    return {
        "class-descriptions-boxable.csv": openimages.NAMES,
        "train-annotations-bbox.csv": "\n".join(rows) + "\n",
        "train/a.jpg": picture(),
    }


def _supervisely() -> dict[str, Any]:
    objects = (
        supervisely.thing("rectangle", [[1, 2], [5, 9]]),
        supervisely.thing("polygon", [[1, 2], [11, 2], [11, 22]], "dog"),
        supervisely.bitmap(supervisely.pack(_MASK)),
        supervisely.bitmap(supervisely.pack(_MASK, alpha=True), kind="alpha_mask"),
    )
    return {
        "meta.json": supervisely.META,
        "ds/ann/a.jpg.json": supervisely.content(*objects),
        "ds/ann/b.jpg.json": supervisely.content(),
        "ds/img/a.jpg": picture(),
        "ds/img/b.jpg": picture(),
    }


def _tfrecord() -> dict[str, Any]:
    boxes = [(0.25, 0.5, 0.75, 1.0), (0.0, 0.0, 1.0, 0.5)]
    records = [
        record(boxes, [1, 3], ["cat", "dog"]),
        record(boxes[:1], [1], ["cat"], packed=False, filename="b.jpg", source_id="b.jpg"),
        record(filename="c.jpg", source_id="c.jpg"),
    ]
    names = "item {\n  id: 1\n  name: 'cat'\n}\nitem {\n  id: 3\n  name: 'dog'\n}\n"
    return {"train.record": b"".join(records), "label_map.pbtxt": names}


def _via() -> dict[str, Any]:
    regions = (via.region(), via.region(via.POLYGON, **{"class": "dog"}))
    circle = {"name": "ellipse", "cx": 30, "cy": 20, "rx": 9, "ry": 5, "theta": 0.5}
    content = {**via.entry(*regions, via.region(circle)), **via.entry(name="b.jpg")}
    return {"via.json": content, "a.jpg": picture(), "b.jpg": picture()}


def _visdrone() -> dict[str, Any]:
    rows = "2,8,27,16,0,0,0,0\n10,20,30,5,1,4,0,1,\n1,2,3,4,1,1,0,0\n"
    return {
        "annotations/a.txt": rows,
        "annotations/b.txt": "",
        "images/a.jpg": picture(),
        "images/b.jpg": picture(),
    }


def _voc() -> dict[str, Any]:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<annotation>\n<folder>x</folder>\n'
        "<filename>a.jpg</filename>\n<size><width>64</width><height>48</height></size>\n"
        "<object><name>cat</name><difficult>1</difficult>\n<bndbox><xmin>4</xmin><ymin>6</ymin>"
        "<xmax>20</xmax><ymax>30</ymax></bndbox></object>\n<object><name>dog</name><bndbox>"
        "<xmax>20</xmax><ymax>30</ymax><xmin>4.5</xmin><ymin>6</ymin></bndbox></object>\n"
        "</annotation>\n"
    )
    return {
        "Annotations/a.xml": text,
        "JPEGImages/a.jpg": picture(),
        "ImageSets/Main/train.txt": "a\n",
    }


def _widerface() -> dict[str, Any]:
    text = "0--Parade/a.jpg\n1\n4 6 16 24 0 0 0 0 0 0 \n0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
    images = {f"WIDER_train/images/0--Parade/{name}.jpg": picture() for name in "ab"}
    return {"wider_face_split/wider_face_train_bbx_gt.txt": text, **images}


def _yolo() -> dict[str, Any]:
    return {
        "classes.txt": "cat\ndog\n",
        "labels/a.txt": "1 .5 .5 .5 .5\n0 0.25 0.25 0.1 0.1\n",
        "images/a.jpg": picture(),
        "images/b.jpg": picture(),
    }


_MAKERS: Mapping[str, tuple[Callable[[], dict[str, Any]], ...]] = {
    "bdd100k": (_bdd100k,),
    "coco": (_coco,),
    "csv": (_csv,),
    "cvat": (_cvat, _cvat_shapes),
    "darknet": (_darknet,),
    "datumaro": (_datumaro,),
    "dota": (_dota,),
    "fiftyone": (_fiftyone, _fiftyone_labels),
    "groundtruth": (_groundtruth,),
    "kitti": (_kitti,),
    "labelme": (_labelme,),
    "labelstudio": (_labelstudio,),
    "openimages": (_openimages,),
    "supervisely": (_supervisely,),
    "tfrecord": (_tfrecord,),
    "via": (_via,),
    "visdrone": (_visdrone,),
    "voc": (_voc,),
    "widerface": (_widerface,),
    "yolo": (_yolo,),
}
