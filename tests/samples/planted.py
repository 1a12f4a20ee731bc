"""Data sets in which no check finds anything, and what plants one case of each finding in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from tests.unit.conftest import shade_of, write_image, write_text
from yolokit.core.types import U8

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
ROWS = "0 .3 .3 .07 .07\n1 .6 .6 .07 .07\n"
TRAIN, BACKGROUND, VAL = 250, 10, 40  # images; of 256 or fewer, an epoch has few steps
CLEAR = 3  # the label file in which rows are planted
_SIZE = 64, 48


class Plant(NamedTuple):
    """What plants a finding in a set, and which others come with it by their nature."""

    plant: Callable[[Path], object]
    also: frozenset[str] = frozenset()


def write_sound_yolo(root: Path) -> Path:
    """Write a YOLO set of 300 images in which nothing is found, not even advice."""
    for split, count, background in (("train", TRAIN, BACKGROUND), ("val", VAL, 0)):
        for at in range(count + background):
            name = f"{split}/{at:03}"
            write_image(root / f"images/{name}.png", *_SIZE, shade=shade_of(name))
            write_text(root / f"labels/{name}.txt", ROWS if at < count else "")
    return write_text(root / "data.yaml", YAML)


def labels_of(root: Path, split: str) -> list[Path]:
    return sorted((root / "labels" / split).iterdir())


def in_labels(rows: str, *also: str, base: str = ROWS) -> Plant:
    """Plant rows in one label file of train."""
    return Plant(
        lambda root: write_text(root / f"labels/train/{CLEAR:03}.txt", base + rows),
        frozenset(also),
    )


def in_all_labels(split: str, rows: str, *also: str, start: int = 0, end: int = 1000) -> Plant:
    """Replace the rows of many label files."""

    def plant(root: Path) -> None:
        for path in labels_of(root, split)[start:end]:
            write_text(path, rows)

    return Plant(plant, frozenset(also))


def in_yaml(text: str, *also: str, files: Mapping[str, str] | None = None) -> Plant:
    """Replace the data.yaml, and write files beside it."""

    def plant(root: Path) -> None:
        write_text(root / "data.yaml", text)
        for name, content in (files or {}).items():
            write_text(root / name, content)

    return Plant(plant, frozenset(also))


def in_image(*paths: str, make: Callable[[], U8], suffix: str = ".png") -> Plant:
    """Replace images."""

    def plant(root: Path) -> None:
        for path in paths:
            encoded = cv2.imencode(suffix, make())[1].tobytes()
            (root / "images" / path).write_bytes(encoded)

    return Plant(plant)


def copy_image(source: str, target: str) -> Plant:
    return Plant(lambda root: shutil.copy(root / "images" / source, root / "images" / target))


def picture(seed: int, noise: int = 0) -> U8:
    """Return a picture with something to be seen, or nearly the same one."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    large = cv2.resize(small, (128, 96), interpolation=cv2.INTER_CUBIC)
    return np.clip(large.astype(np.int64) + noise, 0, 255).astype(np.uint8)


def _plant_near(*places: str) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        for noise, place in enumerate(places):
            content = cv2.imencode(".png", picture(5, noise))[1].tobytes()
            (root / "images" / place).write_bytes(content)

    return plant


def _turn(root: Path) -> None:
    """Write a JPEG with EXIF orientation 6 over an image."""
    content = cv2.imencode(".jpg", picture(3))[1].tobytes()
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    marker = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (root / f"images/train/{CLEAR:03}.png").write_bytes(content[:2] + marker + content[2:])


def _cut_off(root: Path) -> None:
    """Cut a JPEG off in the middle: its head is whole."""
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    content = cv2.imencode(".jpg", noise)[1].tobytes()
    (root / f"images/train/{CLEAR:03}.png").write_bytes(content[: len(content) // 2])


def _grid(columns: int, rows: int, side_w: float, side_h: float) -> str:
    return "".join(
        f"{(x + y) % 2} {(x + 0.5) / columns:.4f} {(y + 0.5) / rows:.4f} {side_w} {side_h}\n"
        for x in range(columns)
        for y in range(rows)
    )


def _small_objects(root: Path) -> None:
    path = root / f"images/train/{CLEAR:03}.png"
    write_image(path, 640, 480, shade=shade_of("large"))
    write_text(root / f"labels/train/{CLEAR:03}.txt", _grid(12, 10, 0.01, 0.0125))


def _take_away(root: Path) -> None:
    for kind in ("images", "labels"):
        for path in sorted((root / kind / "val").iterdir())[20:]:
            path.unlink()


def _test_split(root: Path) -> None:
    write_text(root / "data.yaml", YAML + "test: images/test\n")
    write_image(root / "images/test/bad.png").write_bytes(b"no image")
    write_text(root / "labels/test/bad.txt", "")


def _rare_class(root: Path) -> None:
    write_text(root / "data.yaml", YAML.replace("cat, dog", "cat, dog, bird"))
    for path in (*labels_of(root, "train")[:5], *labels_of(root, "val")):
        write_text(path, ROWS + "2 .8 .2 .07 .07\n")


def _apart(root: Path) -> None:
    cats, dogs = ROWS.replace("1 ", "0 "), ROWS.replace("0 ", "1 ", 1)
    for split in ("train", "val"):
        for at, path in enumerate(labels_of(root, split)):
            if path.stat().st_size:
                write_text(path, cats if at % 2 else dogs)


def _few_dogs(root: Path) -> None:
    for path in labels_of(root, "train")[11:TRAIN]:
        write_text(path, "0 .3 .3 .07 .07\n0 .6 .6 .07 .07\n0 .8 .2 .07 .07\n")


def _no_val(root: Path) -> None:
    for kind in ("images", "labels"):
        for path in (root / kind / "val").iterdir():
            path.unlink()


_LEANING = "0 .296875 .25 .359375 .333333 .296875 .416667 .234375 .333333\n"
_POSE = YAML + "kpt_shape: [2, 3]\n"
YOLO: Mapping[str, Plant] = {
    # rows
    "clipped-boxes": in_labels("0 .01 .5 .1 .07\n"),
    "crossing-outlines": in_labels("0 .1 .1 .2 .2 .2 .1 .1 .2\n0 .5 .5 .6 .5 .6 .6 .5 .7 .4 .6\n",
                                   "outlines", base=""),
    "doubled-boxes": in_labels("0 .302 .3 .07 .07\n"),
    "empty-boxes": in_labels("0 .5 .5 0 .07\n"),
    "keypoints-outside": Plant(lambda root: (
        write_text(root / "data.yaml", _POSE),
        write_text(root / f"labels/train/{CLEAR:03}.txt", "0 .3 .3 .1 .1 .3 .3 2 .6 .3 2\n"),
    )),
    "label-rows": in_labels("0 .5 .5\n"),
    "mixed-rows": in_labels("0 .1 .1 .2 .1 .2 .2\n"),
    "outlines": in_labels("0 .1 .1 .2 .1 .2 .2\n", base=""),
    "outside-image": in_labels("0 1.2 .5 .07 .07\n"),
    "repeated-labels": in_labels("0 .3 .3 .07 .07\n"),
    "rotated-boxes": in_labels(_LEANING, base=""),
    "rotated-corners": in_labels("0 .5 .5 .56 .62 .56 .5 .5 .6\n", "rotated-boxes", base=_LEANING),
    "tiny-boxes": in_labels("0 .5 .5 .02 .07\n"),
    "two-classes": in_labels("1 .302 .3 .07 .07\n"),
    "unknown-class": in_labels("2 .5 .5 .07 .07\n"),
    # images
    "exif-orientation": Plant(_turn),
    "extreme-aspect": in_image(f"train/{CLEAR:03}.png",
                               make=lambda: np.full((48, 400, 3), 9, np.uint8)),
    "image-mode": in_image(f"train/{CLEAR:03}.png",
                           make=lambda: np.full((48, 64, 4), 9, np.uint8)),
    "missing-labels": Plant(lambda root: labels_of(root, "val")[0].unlink()),
    "no-label-files": Plant(lambda root: (root / "labels/train").rename(root / "elsewhere")),
    "stray-labels": Plant(lambda root: write_text(root / "labels/val/lost.txt", ROWS)),
    "unusable-images": Plant(_cut_off),
    # the set
    "empty-classes": in_all_labels("val", "0 .3 .3 .07 .07\n"),
    "leaking-images": copy_image("train/000.png", "val/000.png"),
    "misread-boxes": in_all_labels("train", "0 .035 .3 .07 .07\n1 .6 .035 .07 .07\n", end=TRAIN),
    "missing-split": in_yaml("train: images/train\nnames: [cat, dog]\n"),
    "much-background": in_all_labels("train", "", end=220),
    "near-leaks": Plant(_plant_near("train/000.png", "val/000.png")),
    "no-images": Plant(_no_val),
    "no-train-boxes": in_all_labels("train", ""),
    "no-val-boxes": in_all_labels("val", ""),
    "repeated-images": in_yaml(YAML.replace("images/train", "[images/train, more.txt]"),
                               files={"more.txt": "images/train/000.png\n"}),
    "repeated-pictures": copy_image("train/000.png", "train/001.png"),
    "single-image": in_yaml(YAML.replace("images/train", "one.txt"),
                            files={"one.txt": "images/train/000.png\n"}),
    "unread-split": Plant(_test_split),
    # advice
    "class-imbalance": Plant(_few_dogs),
    "co-occurrence": Plant(_apart),
    "crowded-images": in_labels(_grid(20, 16, 0.04, 0.06), base=""),
    "few-steps": in_yaml(YAML.replace("images/train", "few.txt"), files={
        "few.txt": "".join(f"images/train/{at:03}.png\n" for at in (*range(60), *range(255, 260))),
    }),
    "near-duplicates": Plant(_plant_near("val/000.png", "val/001.png", "val/002.png")),
    "no-background": in_all_labels("train", ROWS, start=TRAIN),
    "rare-classes": Plant(_rare_class),
    "small-objects": Plant(_small_objects),
    "small-val": Plant(_take_away),
    "spare-resolution": Plant(lambda root: [
        write_text(path, ROWS.replace(".07", ".2"))
        for split in ("train", "val") for path in labels_of(root, split) if path.stat().st_size
    ]),
}  # fmt: skip


def write_sound_coco(root: Path) -> dict[str, Any]:
    """Write a COCO set in which nothing is found; return what its file holds."""
    images, annotations = [], []
    for at in range(12):
        name = f"{at:02}.png"
        write_image(root / f"images/{name}", *_SIZE, shade=shade_of(name))
        images.append({"id": at, "file_name": name, "width": _SIZE[0], "height": _SIZE[1]})
        annotations += [
            {"id": 2 * at, "image_id": at, "category_id": 1, "bbox": [4, 6, 4, 3]},
            {"id": 2 * at + 1, "image_id": at, "category_id": 2, "bbox": [30, 20, 4, 3]},
        ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_text(root / "annotations.json", json.dumps(content))
    return content


def _coco(*annotations: dict[str, Any], also: str = "", **category: Any) -> Plant:
    """Plant annotations of a cat in the fourth image of a COCO file."""

    def plant(root: Path) -> None:
        content = json.loads((root / "annotations.json").read_text())
        content["categories"][0] |= category
        content["annotations"] += [
            {"id": 100 + at, "image_id": CLEAR, "category_id": 1, **one}
            for at, one in enumerate(annotations)
        ]
        write_text(root / "annotations.json", json.dumps(content))

    return Plant(plant, frozenset({also} - {""}))


def _state_another_size(root: Path) -> None:
    content = json.loads((root / "annotations.json").read_text())
    content["images"][CLEAR] |= {"width": 2 * _SIZE[0], "height": 2 * _SIZE[1]}
    for one in content["annotations"][2 * CLEAR : 2 * CLEAR + 2]:
        one["bbox"] = [2 * value for value in one["bbox"]]
    write_text(root / "annotations.json", json.dumps(content))


def _turn_coco(root: Path) -> None:
    (root / "images/train").mkdir()
    _turn(root)
    (root / f"images/train/{CLEAR:03}.png").rename(root / f"images/{CLEAR:02}.png")
    (root / "images/train").rmdir()


_SHAPE = {"bbox": [40, 30, 8, 8]}
COCO: Mapping[str, Plant] = {
    "bad-annotation": _coco({"bbox": "here"}),
    "clipped-boxes": _coco({"bbox": [58, 30, 10, 8]}),
    "crossing-outlines": _coco({**_SHAPE, "segmentation": [[40, 30, 48, 38, 48, 30, 40, 38]]}),
    "doubled-boxes": _coco({"bbox": [4.05, 6, 4, 3]}),
    "empty-boxes": _coco({"bbox": [40, 30, 0, 8]}),
    "exif-orientation": Plant(_turn_coco, frozenset({"size-mismatch"})),
    "iscrowd": _coco(
        {**_SHAPE, "segmentation": [[40, 30, 48, 30, 48, 38]]},
        {**_SHAPE, "iscrowd": 1, "segmentation": {"counts": [3072], "size": [48, 64]}},
    ),
    "keypoints-outside": _coco(
        {**_SHAPE, "keypoints": [42, 32, 2, 10, 10, 2], "num_keypoints": 2},
        keypoints=["nose", "tail"],
    ),
    "missing-image": Plant(lambda root: (root / f"images/{CLEAR:02}.png").unlink()),
    "outside-image": _coco({"bbox": [90, 30, 8, 8]}),
    "repeated-labels": _coco({"bbox": [4, 6, 4, 3]}),
    "size-mismatch": Plant(_state_another_size),
    "tiny-boxes": _coco({"bbox": [40, 30, 1, 8]}),
    "two-classes": _coco({"bbox": [30, 20, 4, 3]}),
    "unlisted-images": Plant(
        lambda root: write_image(root / "images/more.png", *_SIZE, shade=shade_of("more"))
    ),
    "unusable-images": Plant(
        lambda root: (root / f"images/{CLEAR:02}.png").write_bytes(b"no image")
    ),
}
