"""A COCO file of 118,000 images and 824,000 boxes to YOLO labels, beside other converters.

The file has the size of COCO's training split and is generated, seeded. Every run writes into a
folder of its own, and all are removed at the end: ext4 avoids the inodes of files removed in the
last seconds, which makes writing right after a removal several times slower.

Peers run where they are installed: ultralytics in this environment, labelformat and globox in
the one of ``--peers``, e.g. ``uv venv p && uv pip install --python p labelformat globox``.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from _inputs import program, upstream_env
from _measure import Side, compare, parser, report

_DECODE = """
import gc, msgspec, sys
gc.disable()
class Annotation(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
class Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int
class Content(msgspec.Struct):
    images: list[Image]
    annotations: list[Annotation]
with open(sys.argv[1], "rb") as stream:
    msgspec.json.decode(stream.read(), type=Content)
"""

_WRITE = """
import os, sys
out, count = sys.argv[2], int(sys.argv[3])
os.makedirs(out)
rows = b"12 0.123456 0.123456 0.123456 0.123456\\n" * 7
for index in range(count):
    path = f"{out}/{index:012d}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(descriptor, rows)
    os.close(descriptor)
"""

_ULTRALYTICS = """
import os, sys
from ultralytics.data.converter import convert_coco
convert_coco(os.path.dirname(sys.argv[1]), sys.argv[2], cls91to80=False)
"""

_LABELFORMAT = """
import sys
from pathlib import Path
from labelformat.formats.coco import COCOObjectDetectionInput
from labelformat.formats.yolov8 import YOLOv8ObjectDetectionOutput
out = Path(sys.argv[2])
out.mkdir()
source = COCOObjectDetectionInput(input_file=Path(sys.argv[1]))
YOLOv8ObjectDetectionOutput(output_file=out / "data.yaml", output_split="train").save(source)
"""

_GLOBOX = """
import sys
from globox import AnnotationSet
source = AnnotationSet.from_coco(sys.argv[1])
ids = {name: index for index, name in enumerate(sorted(source._labels()))}
source.save_yolo_v5(sys.argv[2], label_to_id=ids)
"""


def main() -> None:
    """Generate, measure and print."""
    options_parser = parser(__doc__ or "", rounds=3)
    options_parser.add_argument("--images", type=int, default=118_000)
    options_parser.add_argument("--boxes", type=int, default=824_000)
    options_parser.add_argument("--peers", default=sys.executable, help="Python with the peers")
    options_parser.add_argument("--folder", type=Path, help="where to write; decides on the disk")
    options = options_parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        source = folder / "annotations" / "instances_train.json"
        write_source(source, options.images, options.boxes)
        sides = make_sides(source, folder, options.images, options.peers)
        results = compare(sides, rounds=options.rounds)
        check_labels(folder, options.images, options.boxes)
    report("convert", results, base="yolokit", unit="s", as_json=options.json)


def write_source(path: Path, image_count: int, box_count: int) -> None:
    """Write a COCO file with the fields and the number of bytes an item that COCO's has."""
    rng = np.random.default_rng(0)
    images = [
        {
            "license": 3, "file_name": f"{index:012d}.jpg",
            "coco_url": f"http://images.example/train/{index:012d}.jpg", "height": 480,
            "width": 640, "date_captured": "2013-11-14 17:02:52", "id": index + 9,
        }
        for index in range(image_count)
    ]  # fmt: skip
    owners = rng.integers(0, image_count, box_count) + 9
    low = np.round(rng.random((box_count, 2)) * [600, 440], 2)
    size = np.round(1 + rng.random((box_count, 2)) * 38, 2)
    classes = rng.integers(1, 81, box_count)
    annotations = [
        {
            "segmentation": [], "area": round(wh[0] * wh[1], 2), "iscrowd": 0,
            "image_id": owner, "bbox": [*xy, *wh], "category_id": category, "id": index,
        }
        for index, (owner, xy, wh, category) in enumerate(
            zip(owners.tolist(), low.tolist(), size.tolist(), classes.tolist(), strict=True)
        )
    ]  # fmt: skip
    categories = [{"supercategory": "thing", "id": i, "name": f"class {i}"} for i in range(1, 81)]
    content = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def make_sides(source: Path, folder: Path, image_count: int, peers: str) -> list[Side]:
    """Return yolokit, the two limits that nothing can beat, and the peers that are there."""
    ours = [program("yolokit"), "data", "convert", str(source), "--labels-only", "--out"]
    sides = [
        fresh(folder, "yolokit", lambda out: [*ours, out]),
        Side("typed JSON decode alone", [sys.executable, "-c", _DECODE, str(source)]),
        fresh(
            folder,
            "writing the files alone",
            lambda out: [sys.executable, "-c", _WRITE, str(source), out, str(image_count)],
        ),
    ]
    scripts = {
        "ultralytics": (sys.executable, _ULTRALYTICS),
        "labelformat": (peers, _LABELFORMAT),
        "globox": (peers, _GLOBOX),
    }
    for name, (python, script) in scripts.items():
        if has(python, name):
            words = [python, "-c", script, str(source)]
            side = fresh(folder, name, partial(append, words))
            sides.append(
                Side(side.name, side.command, env=upstream_env(folder), before=side.before)
            )
        else:
            print(f"{name} is not installed for {python}: left out", file=sys.stderr)
    return sides


def fresh(folder: Path, name: str, make: Callable[[str], list[str]]) -> Side:
    """Return a side whose every run writes into a folder that was not there before."""
    numbers = itertools.count(1)
    command: list[str] = make("")

    def next_folder() -> None:
        command[:] = make(str(folder / f"{name.replace(' ', '-')}-{next(numbers)}"))

    return Side(name, command, before=next_folder)


def append(words: list[str], out: str) -> list[str]:
    """Return a command line with its last word."""
    return [*words, out]


def has(python: str, module: str) -> bool:
    """Tell whether an interpreter has a module."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False, env=os.environ).returncode == 0


def check_labels(folder: Path, image_count: int, box_count: int) -> None:
    """Make sure that the work was done: a file for each image, a row for each box."""
    files = list((folder / "yolokit-1" / "labels" / "train").iterdir())
    rows = sum(path.read_bytes().count(b"\n") for path in files)
    if (len(files), rows) != (image_count, box_count):
        raise SystemExit(f"wrong result: {len(files)} files with {rows} rows")


if __name__ == "__main__":
    main()
