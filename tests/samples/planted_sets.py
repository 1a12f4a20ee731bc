"""What breaks a small sound set of cats and dogs, so that a check of the whole set finds it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from tests.unit.conftest import shade_of, write_image, write_text

CAT, DOG, BOTH = "0 .5 .5 .2 .2\n", "1 .5 .5 1 1\n", "0 .5 .5 .2 .2\n1 .5 .5 1 1\n"


def grow(root: Path, count: int, labels: str = BOTH, *, start: int = 0) -> None:
    """Add images to train, each of a colour of its own."""
    for number in range(start, start + count):
        name = f"grown-{number}"
        write_image(root / f"images/train/{name}.png", shade=shade_of(name))
        write_text(root / f"labels/train/{name}.txt", labels)


def copy(root: Path, split: str, labels: str = BOTH) -> None:
    shutil.copyfile(root / "images/train/train.png", root / f"images/{split}/copy.png")
    write_text(root / f"labels/{split}/copy.txt", labels)


def add_scene(root: Path, split: str, name: str, *, quality: int, mirrored: bool = False) -> None:
    """Add one and the same picture, which is not flat, compressed anew."""
    cells = np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)
    scene = cv2.resize(cells, (160, 120), interpolation=cv2.INTER_CUBIC)
    path = root / f"images/{split}/{name}.jpg"
    pixels = np.ascontiguousarray(scene[:, ::-1]) if mirrored else scene
    assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    write_text(root / f"labels/{split}/{name}.txt", BOTH)


def leak_nearly(root: Path, *, mirrored: bool = False) -> None:
    add_scene(root, "train", "scene", quality=95)
    add_scene(root, "val", "again", quality=60, mirrored=mirrored)


def repeat_nearly(root: Path) -> None:
    add_scene(root, "train", "scene", quality=95)
    add_scene(root, "train", "again", quality=60)


def keep_apart(root: Path) -> None:
    grow(root, 24, "0 .5 .5 .2 .2\n0 .3 .3 .2 .2\n")
    grow(root, 24, "1 .5 .5 1 1\n1 .3 .3 .2 .2\n", start=24)
    write_text(root / "labels/train/train.txt", CAT)
    write_text(root / "labels/val/val.txt", DOG)


def show_always(root: Path) -> None:
    (root / "images/train/more.png").unlink()
    (root / "labels/train/more.txt").unlink()
    grow(root, 50)


def rows(count: int, row: Callable[[float], str]) -> str:
    return BOTH + "".join(row((number + 0.5) / count) for number in range(count))


def in_train(text: str) -> Callable[[Path], None]:
    return lambda root: (write_text(root / "labels/train/train.txt", text), None)[1]


PLANTED: Mapping[str, Callable[[Path], object]] = {
    "class-imbalance": lambda root: grow(root, 12, rows(60, lambda y: f"0 .4 {y:.4f} .2 .2\n")),
    "co-occurrence": keep_apart,
    "crowded-images": in_train(rows(301, lambda y: f"0 .5 {y:.4f} .5 .5\n")),
    "few-steps": lambda root: grow(root, 12),
    "leaking-images": lambda root: copy(root, "val"),
    "misread-boxes": in_train(rows(60, lambda y: f"0 .1 {y:.4f} .2 .1\n")),
    "much-background": lambda root: grow(root, 12, ""),
    "near-duplicates": repeat_nearly,
    "near-leaks": leak_nearly,
    "no-background": show_always,
    "rare-classes": lambda root: grow(root, 12, CAT),
    "repeated-pictures": lambda root: copy(root, "train"),
    "small-objects": in_train(BOTH + "0 .5 .5 .005 .005\n"),
    "small-val": lambda root: grow(root, 12),
    "spare-resolution": lambda root: grow(root, 12),
}
