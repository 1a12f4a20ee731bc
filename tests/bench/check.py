"""How fast a data set is checked: its images beside decoding alone, and very many labels.

Images are scanned at some share of the rate at which as many threads do nothing but read and
decode the same files, all of them in the page cache. Each process goes over its files until two
seconds have passed. ``--cpu`` counts the processor's time instead of the clock's, for a machine
that does other work as well.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from _inputs import program
from _measure import Side, compare, parser, report

_DECODE = """
import cv2, numpy as np
def run(paths):
    def look(some):
        for path in some:
            cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    blocks = [paths[start : start + 32] for start in range(0, len(paths), 32)]
    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(look, blocks))
"""
_SCAN = """
from yolokit.images.scan import scan_images
def run(paths):
    assert not [scan for scan in scan_images(paths).values() if scan.problem]
"""
_RATE = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from yolokit.core.machine import usable_cores
{run}
clock = time.process_time if sys.argv[2] == "cpu" else time.perf_counter
paths = sorted(map(str, Path(sys.argv[1]).glob("*.jpg")))
run(paths)  # fills the page cache
start, images, until = clock(), 0, time.perf_counter() + 2
while time.perf_counter() < until:
    run(paths)
    images += len(paths)
print(images / (clock() - start))
"""
_SIZES = {"640x480": (640, 480, 256), "1920x1080": (1920, 1080, 64)}
_BOXES = 7


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "", rounds=5)
    options.add_argument("--bccd", type=Path, help="folder with the images of BCCD, to scan too")
    options.add_argument("--cpu", action="store_true", help="count the processor's time")
    options.add_argument("--labels", type=int, default=0, help="images to check the labels of")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if asked.labels:
            _measure_labels(Path(scratch), asked.labels, asked.rounds, as_json=asked.json)
            return
        folders = {} if asked.bccd is None else {"BCCD": asked.bccd}
        for name, size in _SIZES.items():
            folders[name] = _write_pictures(Path(scratch) / name, *size)
        clock = "cpu" if asked.cpu else "wall"
        results = [
            result
            for group, folder in folders.items()
            for result in compare(_sides(group, folder, clock), rounds=asked.rounds)
        ]
    report("check", results, base="decode alone", unit="1/s", as_json=asked.json)


def _sides(group: str, folder: Path, clock: str) -> list[Side]:
    return [
        Side(
            name,
            [sys.executable, "-c", _RATE.format(run=run), str(folder), clock],
            value=float,
            group=group,
        )
        for name, run in (("decode alone", _DECODE), ("scan", _SCAN))
    ]


def _write_pictures(folder: Path, width_px: int, height_px: int, count: int) -> Path:
    """Write JPEGs like photographs: soft shapes, edges, and the noise of a sensor."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        cells = rng.integers(0, 255, (9, 12, 3), np.uint8)
        picture = cv2.resize(cells, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
        for _ in range(30):
            at = rng.integers(0, (width_px, height_px)).tolist()
            radius, color = int(rng.integers(5, height_px // 5)), rng.integers(0, 255, 3).tolist()
            cv2.circle(picture, at, radius, color, -1, cv2.LINE_AA)
        noise = rng.normal(0, 6, picture.shape).astype(np.int16)
        noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:04d}.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return folder


def _measure_labels(folder: Path, images: int, rounds: int, *, as_json: bool) -> None:
    _write_labels(folder, images)
    command = [program("yolokit"), "data", "check", str(folder), "--labels-only", "--json"]
    sides = [Side(f"labels of {images} images", command)]
    report("check", compare(sides, rounds=rounds), base=sides[0].name, unit="s", as_json=as_json)


def _write_labels(folder: Path, images: int) -> None:
    """Write a set of 80 classes with empty image files, a tenth of them for validation."""
    rng = np.random.default_rng(0)
    names = [f"class {number}" for number in range(80)]
    (folder / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames: {names}\n")
    for kind in ("images", "labels"):
        for split in ("train", "val"):
            (folder / kind / split).mkdir(parents=True)
    for number in range(images):
        split, name = "train" if number % 10 else "val", f"{number:06d}"
        (folder / "images" / split / f"{name}.jpg").touch()
        sides = 0.02 + 0.2 * rng.random((_BOXES, 2))
        boxes = np.hstack([sides / 2 + (1 - sides) * rng.random((_BOXES, 2)), sides])
        classes = rng.integers(0, len(names), _BOXES)
        rows = [
            f"{index} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n"
            for index, (x, y, width, height) in zip(classes.tolist(), boxes.tolist(), strict=True)
        ]
        (folder / "labels" / split / f"{name}.txt").write_text("".join(rows))


if __name__ == "__main__":
    main()
