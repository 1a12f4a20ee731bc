"""Makes the pictures of ``docs/images`` from a finished quickstart, each as small as a page needs.

Run in a checkout, after ``yolokit quickstart``::

    python -m tests.docs.pictures runs/quickstart
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2

from tests.chromium import photograph
from tests.conftest import run_yolokit

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
MAX_BYTES = 60_000
# What a quickstart leaves, what it is called on a page, and its width there in px.
PICTURES = (("contact-sheet.jpg", "quickstart.jpg", 1000),)
_QUALITY = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}


def main(folder: Path) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        labels, report = Path(made, "labels.jpg"), Path(made, "report.png")
        run_yolokit("data", "show", folder / "dataset", "--count", 8, "--out", labels, cwd=folder)
        shrink(labels, IMAGES / "labels.jpg", 1000)
        fed, options = Path(made, "fed.png"), ("--imgsz", 320, "--count", 4)
        command = ("data", "show", folder / "dataset", "--augmented", *options, "--out", fed)
        run_yolokit(*command, cwd=folder)
        shrink(fed, IMAGES / "augmented.jpg", 1000)
        png, _ = photograph(folder / "train" / "report.html", width_px=900)
        report.write_bytes(png)
        shrink(report, IMAGES / "report.webp", 900, height_px=1410)
    for source, name, width_px in PICTURES:
        shrink(folder / source, IMAGES / name, width_px)
    found = min((folder / "predict-images" / "images").rglob("*.jpg"))
    shrink(found, IMAGES / "found.jpg", 480)


def shrink(source: Path, path: Path, width_px: int, height_px: int | None = None) -> None:
    """Write the top of a picture at a width, with the best quality that stays below the limit."""
    picture = cv2.imread(str(source))
    assert picture is not None, f"there is no picture {source}"
    whole_px = round(picture.shape[0] * width_px / picture.shape[1])
    small = cv2.resize(picture, (width_px, whole_px), interpolation=cv2.INTER_AREA)[:height_px]
    for quality in range(90, 30, -5):
        done, data = cv2.imencode(path.suffix, small, [_QUALITY[path.suffix], quality])
        if done and data.nbytes <= MAX_BYTES:
            path.write_bytes(data.tobytes())
            return
    raise AssertionError(f"{path.name} does not fit into {MAX_BYTES} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
