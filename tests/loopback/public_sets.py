"""Tiny archives with the very layout of public data sets."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from functools import cache

import cv2
import numpy as np

SIZE_WH = (64, 48)


@cache
def jpeg(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    done, data = cv2.imencode(".jpg", pixels)
    assert done
    return data.tobytes()


def pack_zip(files: Mapping[str, bytes | str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return sink.getvalue()


def pack_tar(files: Mapping[str, bytes | str]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as packed:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def coco128_seg() -> dict[str, bytes]:
    """Ten images with an outline each."""
    files: dict[str, bytes | str] = {"coco128-seg/LICENSE": "terms", "coco128-seg/README.txt": "-"}
    for number in range(10):
        files[f"coco128-seg/images/train2017/{number:012}.jpg"] = jpeg(number)
        row = f"{number} 0.1 0.1 0.6 0.1 0.6 0.7\n"
        files[f"coco128-seg/labels/train2017/{number:012}.txt"] = row
    return {"coco128-seg.zip": pack_zip(files)}


def coco8_pose() -> dict[str, bytes]:
    files: dict[str, bytes | str] = {}
    for split in ("train", "val"):
        files[f"coco8-pose/images/{split}/{split}.jpg"] = jpeg(len(split))
        row = "0 0.5 0.5 0.4 0.4" + " 0.5 0.5 2" * 17
        files[f"coco8-pose/labels/{split}/{split}.txt"] = row
    return {"coco8-pose.zip": pack_zip(files)}


def dota8() -> dict[str, bytes]:
    files: dict[str, bytes | str] = {}
    for split in ("train", "val"):
        files[f"dota8/images/{split}/P{len(split)}.jpg"] = jpeg(len(split))
        files[f"dota8/labels/{split}/P{len(split)}.txt"] = "4 0.2 0.2 0.6 0.2 0.6 0.5 0.2 0.5\n"
    return {"dota8.zip": pack_zip(files)}


def coco() -> dict[str, bytes]:
    """One image a split, with person annotations beside, and captions that are none."""
    annotations: dict[str, bytes | str] = {}
    images = {}
    for number, split in enumerate(("train2017", "val2017"), 1):
        name = f"{number:012}.jpg"
        image = {"id": number, "file_name": name, "width": SIZE_WH[0], "height": SIZE_WH[1]}
        outline = [10, 10, 40, 10, 40, 30]
        box = {"id": number, "image_id": number, "category_id": 1, "bbox": [10, 10, 30, 20],
               "area": 300, "iscrowd": 0, "segmentation": [outline]}  # fmt: skip
        person = {"id": 1, "name": "person", "supercategory": "person"}
        body = {"images": [image], "annotations": [box], "categories": [person]}
        annotations[f"annotations/instances_{split}.json"] = json.dumps(body)
        pose = {"keypoints": [20, 20, 2] * 17, "num_keypoints": 17}
        names = {"keypoints": [f"k{n}" for n in range(17)], "skeleton": []}
        body = {
            "images": [image],
            "annotations": [box | pose],
            "categories": [person | names],
        }
        annotations[f"annotations/person_keypoints_{split}.json"] = json.dumps(body)
        caption = {"id": 1, "image_id": number, "caption": "a person"}
        annotations[f"annotations/captions_{split}.json"] = json.dumps(
            {"images": [image], "annotations": [caption]}
        )
        images[f"{split}.zip"] = pack_zip({f"{split}/{name}": jpeg(number)})
    return {"annotations_trainval2017.zip": pack_zip(annotations), **images}


def _voc_files(root: str, splits: Mapping[str, list[str]]) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for split, ids in splits.items():
        files[f"{root}/ImageSets/Main/{split}.txt"] = "".join(f"{one}\n" for one in ids)
        for one in ids:
            files[f"{root}/JPEGImages/{one}.jpg"] = jpeg(int(one))
            files[f"{root}/Annotations/{one}.xml"] = (
                f"<annotation><filename>{one}.jpg</filename><size><width>{SIZE_WH[0]}</width>"
                f"<height>{SIZE_WH[1]}</height><depth>3</depth></size><object><name>dog</name>"
                "<difficult>0</difficult><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>30</xmax>"
                "<ymax>30</ymax></bndbox></object></annotation>"
            )
    return files


def voc2007() -> dict[str, bytes]:
    root = "VOCdevkit/VOC2007"
    return {
        "VOCtrainval_06-Nov-2007.tar": pack_tar(
            _voc_files(root, {"train": ["000001"], "val": ["000002"]})
        ),
        "VOCtest_06-Nov-2007.tar": pack_tar(_voc_files(root, {"test": ["000003"]})),
    }


def voc2012() -> dict[str, bytes]:
    root = "VOCdevkit/VOC2012"
    files = _voc_files(root, {"train": ["000001"], "val": ["000002"]})
    return {"VOCtrainval_11-May-2012.tar": pack_tar(files)}


def bccd() -> dict[str, bytes]:
    root = "BCCD_Dataset-d272fb14cdff6e473fafeeeba32aba5f560e9e43"
    splits = {"train": ["000001"], "val": ["000002"], "test": ["000003"]}
    other: dict[str, bytes | str] = {f"{root}/README.md": "-", f"{root}/plot.py": "raise"}
    return {"bccd.zip": pack_zip(other | _voc_files(f"{root}/BCCD", splits))}


def kitti() -> dict[str, bytes]:
    row = "Car 0.00 0 1.85 5.00 5.00 30.00 30.00 1.5 1.6 3.7 -16.5 2.4 58.5 1.57\n"
    names = [f"{number:06}" for number in range(10)]
    labels = {f"training/label_2/{name}.txt": row for name in names}
    images = {f"training/image_2/{name}.png": _png(int(name)) for name in names}
    images["testing/image_2/000000.png"] = _png(99)
    packed = {"data_object_label_2.zip": pack_zip(labels)}
    return {**packed, "data_object_image_2.zip": pack_zip(images)}


def visdrone() -> dict[str, bytes]:
    packed = {}
    for number, split in enumerate(("train", "val", "test-dev")):
        root = f"VisDrone2019-DET-{split}"
        packed[f"{root}.zip"] = pack_zip(
            {
                f"{root}/images/000000{number}.jpg": jpeg(number),
                f"{root}/annotations/000000{number}.txt": "5,5,20,20,1,4,0,0\n",
            }
        )
    return packed


def widerface() -> dict[str, bytes]:
    lists: dict[str, bytes | str] = {"wider_face_split/readme.txt": "Attached the mappings"}
    packed = {}
    for split in ("train", "val"):
        name = f"0--Parade/0_Parade_{split}_1.jpg"
        lists[f"wider_face_split/wider_face_{split}_bbx_gt.txt"] = (
            f"{name}\n1\n5 5 20 20 0 0 0 0 0 0\n"
        )
        packed[f"WIDER_{split}.zip"] = pack_zip({f"WIDER_{split}/images/{name}": jpeg(len(split))})
    return {"wider_face_split.zip": pack_zip(lists), **packed}


def _png(seed: int) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(jpeg(seed), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    done, data = cv2.imencode(".png", pixels)
    assert done
    return data.tobytes()
