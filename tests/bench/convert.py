"""COCO, Pascal VOC and CVAT label sets to YOLO labels, beside other converters.

The COCO file has the size of COCO's training split, 118,000 images with 824,000 boxes; the others
have 20,000 images with 140,000 boxes. All are generated, seeded. No image is decoded, except by
supervision, which cannot do without; datumaro only asks whether CVAT's are there. They are flat.
Every run writes into a folder of its own, and all are removed at the end: ext4 avoids the inodes
of files removed in the last seconds, which makes writing right after a removal several times
slower.

Peers run where they are installed: ultralytics in this environment, the others in the one of
``--peers``, e.g. ``uv venv p && uv pip install --python p labelformat globox supervision
datumaro``.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from _converters import CONVERTERS
from _inputs import program, upstream_env
from _label_sets import draw_labels, write_coco, write_cvat, write_flat_images, write_voc
from _measure import Result, Side, compare, parser, report

_SIZES = {"coco": (118_000, 824_000), "voc": (20_000, 140_000), "cvat": (20_000, 140_000)}
_WRITERS = {"coco": write_coco, "voc": write_voc, "cvat": write_cvat}
_IMAGES = {"voc": "JPEGImages", "cvat": "images"}

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


def main() -> None:
    """Generate, measure and print."""
    options_parser = parser(__doc__ or "", rounds=3)
    options_parser.add_argument("--inputs", nargs="+", choices=list(_SIZES), default=list(_SIZES))
    options_parser.add_argument("--share", type=float, default=1.0, help="of the sizes, in (0, 1]")
    options_parser.add_argument("--peers", default=sys.executable, help="Python with the peers")
    options_parser.add_argument("--folder", type=Path, help="where to write; decides on the disk")
    options = options_parser.parse_args()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        # As for users: code is compiled once, whatever this environment says.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(name, "bytecode"))
        for kind in options.inputs:
            image_count, box_count = (round(size * options.share) for size in _SIZES[kind])
            folder = Path(name) / kind
            source = write_source(kind, folder / "in", image_count, box_count)
            sides = list(make_sides(kind, source, folder, image_count, options.peers))
            results += compare(sides, rounds=options.rounds)
            check_labels(folder, image_count, box_count)
    report("convert", results, base="yolokit", unit="s", as_json=options.json)


def write_source(kind: str, folder: Path, image_count: int, box_count: int) -> Path:
    """Write a label set and return what to read; images only where a peer asks for them."""
    source = _WRITERS[kind](draw_labels(image_count, box_count), folder)
    if kind in _IMAGES:
        write_flat_images(folder / _IMAGES[kind], image_count)
    return source


def make_sides(
    kind: str, source: Path, folder: Path, image_count: int, peers: str
) -> Iterator[Side]:
    """Yield yolokit, the limits that nothing can beat, and the peers that are there."""
    words = [program("yolokit"), "data", "convert", str(source), "--labels-only"]
    # All is one split, as it is for the peers.
    yield fresh(folder, kind, "yolokit", lambda out: [*words, "--split", "keep", "--out", out])
    if kind == "coco":
        words_decode = [sys.executable, "-c", _DECODE, str(source)]
        yield Side("typed JSON decode alone", words_decode, group=kind)
    words_write = [sys.executable, "-c", _WRITE, str(source)]
    yield fresh(
        folder, kind, "writing the files alone", lambda out: [*words_write, out, str(image_count)]
    )
    for module, script in CONVERTERS[kind]:
        python = sys.executable if module == "ultralytics" else peers
        if has(python, module):
            yield peer(folder, kind, module, [python, "-c", script, str(source)])
        else:
            print(f"{module} is not installed for {python}: left out", file=sys.stderr)


def peer(folder: Path, kind: str, name: str, words: list[str]) -> Side:
    """Return the side of a peer, which gets the folder to make as its last word."""
    return fresh(folder, kind, name, lambda out: [*words, out], env=upstream_env(folder))


def fresh(
    folder: Path,
    kind: str,
    name: str,
    make: Callable[[str], list[str]],
    env: dict[str, str] | None = None,
) -> Side:
    """Return a side whose every run writes into a folder that was not there before."""
    numbers = itertools.count(1)
    command: list[str] = make("")

    def next_folder() -> None:
        command[:] = make(str(folder / f"{name.replace(' ', '-')}-{next(numbers)}"))

    return Side(name, command, env=env or {}, before=next_folder, group=kind)


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
