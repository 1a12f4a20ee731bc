"""Makes the pictures of ``docs/images`` from a finished quickstart, each as small as a page needs.

Run in a checkout, after ``yolokit quickstart``::

    python -m tests.docs.pictures runs/quickstart
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2

import yolokit

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
MAX_BYTES = 60_000
# What a quickstart leaves, what it is called on a page, and its width there in px.
PICTURES = (("contact-sheet.jpg", "quickstart.jpg", 1000),)
_QUALITY = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}


def main(folder: Path) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for source, name, width_px in PICTURES:
        shrink(folder / source, IMAGES / name, width_px)
    found = min((folder / "predict-images" / "images").rglob("*.jpg"))
    shrink(found, IMAGES / "found.jpg", 480)
    show(folder)


def show(folder: Path) -> None:
    """Make the pictures of labels, and of what a training is fed."""
    with tempfile.TemporaryDirectory() as place:
        labels, fed = Path(place) / "labels.png", Path(place) / "fed.png"
        yolokit.show_data(folder / "demo", out=labels, count=4)
        yolokit.show_data(folder / "dataset", out=fed, augmented=True, imgsz=320, count=4)
        shrink(labels, IMAGES / "labels.jpg", 1000)
        shrink(fed, IMAGES / "augmented.jpg", 1000)


def shrink(source: Path, path: Path, width_px: int) -> None:
    """Write a picture at a width, with the best quality that stays below the limit."""
    picture = cv2.imread(str(source))
    assert picture is not None, f"there is no picture {source}"
    height_px = round(picture.shape[0] * width_px / picture.shape[1])
    small = cv2.resize(picture, (width_px, height_px), interpolation=cv2.INTER_AREA)
    for quality in range(90, 30, -5):
        done, data = cv2.imencode(path.suffix, small, [_QUALITY[path.suffix], quality])
        if done and data.nbytes <= MAX_BYTES:
            path.write_bytes(data.tobytes())
            return
    raise AssertionError(f"{path.name} does not fit into {MAX_BYTES} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
