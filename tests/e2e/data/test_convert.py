"""Conversion as a user does it: real data, through every format and back, and killed midway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from defusedxml import ElementTree

from tests.conftest import run_yolokit

# As the files of the set have it, counted without yolokit. Two boxes have no area.
IMAGES = {"train": 205, "val": 87, "test": 72}
OBJECTS = {"RBC": 4155, "WBC": 372, "Platelets": 361}
WITHOUT_AREA = {("BloodImage_00338", 158), ("BloodImage_00343", 50)}


def convert(source: Path, out: Path, *options: str) -> dict[str, Any]:
    done = run_yolokit("data", "convert", source, "--out", out, "--json", *options, cwd=out.parent)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def read_source(bccd: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """Read the VOC files of BCCD by a few lines of its own, boxes without area left out."""
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for path in sorted((bccd / "Annotations").glob("*.xml")):
        rows = []
        for element in ElementTree.parse(path).iter("object"):
            box = [
                float(element.findtext(f"bndbox/{corner}", ""))
                for corner in ("xmin", "ymin", "xmax", "ymax")
            ]
            if box[0] < box[2] and box[1] < box[3]:
                rows.append((element.findtext("name", ""), box))
        found[path.stem] = rows
    return found


def read_yolo(root: Path, names: list[str]) -> dict[str, list[tuple[str, list[float]]]]:
    """Read label files of 640x480 images by a few lines of its own."""
    found = {}
    for path in sorted((root / "labels").rglob("*.txt")):
        rows = []
        for line in path.read_text().splitlines():
            index, cx, cy, w, h = map(float, line.split())
            box = [(cx - w / 2) * 640, (cy - h / 2) * 480, (cx + w / 2) * 640, (cy + h / 2) * 480]
            rows.append((names[int(index)], box))
        found[path.stem] = rows
    return found


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for stem, rows in expected.items():
        assert [name for name, _ in found[stem]] == [name for name, _ in rows], stem
        boxes = [np.array([box for _, box in one]).reshape(-1, 4) for one in (found[stem], rows)]
        np.testing.assert_allclose(boxes[0], boxes[1], rtol=0, atol=0.01, err_msg=stem)


def test_bccd_through_every_format_is_the_same_set(bccd: Path, tmp_path: Path) -> None:
    result = convert(bccd, tmp_path / "yolo")
    assert {split: found["images"] for split, found in result["splits"].items()} == IMAGES
    totals = result["totals"]
    assert totals["annotations_in"] == sum(OBJECTS.values()) == 4888
    assert (totals["kept"], totals["dropped"]) == (4886, 2)
    assert result["codes"] == {"dropped: empty-box": 2}
    entries = [
        json.loads(line) for line in (tmp_path / "yolo/ledger.jsonl").read_text().splitlines()
    ]
    assert {(Path(one["path"]).stem, one["line"]) for one in entries[1:]} == WITHOUT_AREA
    expected = read_source(bccd)
    assert_equal(read_yolo(tmp_path / "yolo", result["names"]), expected)
    listed = (bccd / "ImageSets/Main/test.txt").read_text().split()
    assert {path.stem for path in (tmp_path / "yolo/images/test").iterdir()} == set(listed)
    source = tmp_path / "yolo"
    for target in ("coco", "voc", "yolo"):
        again = convert(source, tmp_path / f"then-{target}", "--to", target, "--max-drop", "0")
        assert again["totals"]["kept"] == again["totals"]["annotations_in"] == 4886
        assert again["splits"] == result["splits"]
        source = tmp_path / f"then-{target}"
    assert_equal(read_yolo(source, result["names"]), expected)


def test_the_first_image_is_copied_to_the_byte(bccd: Path, tmp_path: Path) -> None:
    convert(bccd, tmp_path / "o")
    copies = list((tmp_path / "o/images").rglob("*.jpg"))
    assert len(copies) == 364
    assert all(
        copy.read_bytes() == (bccd / "JPEGImages" / copy.name).read_bytes() for copy in copies[::37]
    )


def test_a_strict_limit_refuses_bccd_and_says_where(bccd: Path, tmp_path: Path) -> None:
    done = run_yolokit(
        "data", "convert", bccd, "--out", "o", "--max-drop", "1", cwd=tmp_path, code=3
    )
    assert "2 of 4888 annotations" in done.stderr
    assert "BloodImage_00338.xml:158: the box has no area" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_same_bytes_every_time(bccd: Path, tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        convert(bccd, tmp_path / name, "--split", "0.7,0.2,0.1", "--labels-only")
        root = tmp_path / name
        contents.append({p.relative_to(root): p.read_bytes() for p in root.rglob("*.*")})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 364 + 2


def make_large_source(folder: Path) -> Path:
    """Write a COCO file that takes a while to convert, labels only."""
    count = 30_000
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 48} for i in range(count)]
    boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 3, 4]} for i in range(count)]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
    path = folder / "train.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not known there")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_killed_conversion_leaves_nothing_under_the_final_name(
    overwrite: bool, tmp_path: Path
) -> None:
    source = make_large_source(tmp_path)
    out = tmp_path / "sets" / "out"
    arguments = [source, "--out", out, "--labels-only"]
    if overwrite:
        run_yolokit("data", "convert", *arguments, "--sample", "3", cwd=tmp_path)
        arguments.append("--overwrite")
    command = [sys.executable, "-m", "yolokit", "data", "convert", *map(str, arguments)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("sets/.out.*/labels/train/*.txt")):
        assert child.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=30)
    if overwrite:
        assert len(list((out / "labels/train").iterdir())) < 5, "the former set is whole"
    else:
        assert not out.exists()
    assert list(out.parent.glob(".out.*")), "the part that was built is still hidden"
    run_yolokit("data", "convert", *arguments, cwd=tmp_path)
    assert len(list((out / "labels/train").iterdir())) == 30_000
    assert [path.name for path in out.parent.iterdir()] == ["out"], "leftovers were removed"


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent differently there")
def test_an_interrupted_conversion_cleans_up(tmp_path: Path) -> None:
    source = make_large_source(tmp_path)
    command = [
        sys.executable,
        "-m",
        "yolokit",
        "data",
        "convert",
        source,
        "--out",
        "o",
        "--labels-only",
    ]
    child = subprocess.Popen(
        [*map(str, command)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".o.*/labels/train/*.txt")):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, words = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Traceback" not in words
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]


def test_ultralytics_reads_what_was_written(bccd: Path, tmp_path: Path) -> None:
    """The one that trains on it finds every image and box, and nothing to complain about."""
    pytest.importorskip("ultralytics")
    convert(bccd, tmp_path / "set")
    code = (
        "import sys, json; from pathlib import Path; from ultralytics.data.utils import *\n"
        "data = check_det_dataset(sys.argv[1], autodownload=False); counts = {}\n"
        "for split in ('train', 'val', 'test'):\n"
        "    images = sorted(map(str, Path(data[split]).glob('*.jpg')))\n"
        "    pairs = zip(images, img2label_paths(images))\n"
        "    found = [verify_image_label((i, l, '', False, 3, 0, 0, False)) for i, l in pairs]\n"
        "    boxes, corrupt = sum(len(f[1]) for f in found), sum(f[8] for f in found)\n"
        "    counts[split] = [len(found), boxes, corrupt]\n"
        "print(json.dumps([data['names'], counts]))"
    )
    environment = {
        **os.environ, "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "False", "YOLO_VERBOSE": "False",
        "YOLO_CONFIG_DIR": str(tmp_path / "config"),
    }  # fmt: skip
    (tmp_path / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set" / "data.yaml")],
        cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names, counts = json.loads(done.stdout.splitlines()[-1])
    assert names == {"0": "Platelets", "1": "RBC", "2": "WBC"}
    # ultralytics counts a box that stands there twice once.
    boxes = {split: found[1] for split, found in counts.items()}
    assert {split: found[0] for split, found in counts.items()} == IMAGES
    assert all(found[2] == 0 for found in counts.values()), "no image is called corrupt"
    assert 4880 <= sum(boxes.values()) <= 4886
