"""Annotations through every format by the command, on real data: the same boxes come back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import run_yolokit
from yolokit.formats.toolkit.plugin import list_formats, writable_tasks

WRITABLE = [name for name in list_formats() if "detect" in writable_tasks(name)]
# What BCCD has, counted in its files by hand.
TOTALS = {"annotations_in": 4888, "kept": 4886, "dropped": 2}
SPLITS = {"train": 205, "val": 87, "test": 72}

Boxes = dict[str, list[tuple[float, ...]]]


@pytest.fixture(scope="module")
def direct(bccd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BCCD as YOLO, converted in one step."""
    folder = tmp_path_factory.mktemp("direct")
    run_yolokit("data", "convert", bccd, "--out", folder / "set", cwd=folder)
    return folder / "set"


def read_boxes(root: Path) -> Boxes:
    """Image to its boxes in px, class first, in the order of the file."""
    scale = np.array([1, 640, 480, 640, 480])
    return {
        file.stem: [
            tuple(np.array(line.split(), np.float64) * scale)
            for line in file.read_text().splitlines()
        ]
        for file in sorted((root / "labels").rglob("*.txt"))
    }


def head_of(folder: Path) -> dict[str, Any]:
    head: dict[str, Any] = json.loads((folder / "ledger.jsonl").read_text().splitlines()[0])
    return head


@pytest.mark.parametrize("name", WRITABLE)
def test_bccd_through_every_format_and_back(name: str, direct: Path, tmp_path: Path) -> None:
    run_yolokit("data", "convert", direct, "--to", name, "--out", "there", cwd=tmp_path)
    there = head_of(tmp_path / "there")
    assert there["totals"]["annotations_in"] == there["totals"]["kept"] == TOTALS["kept"]
    done = run_yolokit("data", "convert", "there", "--out", "back", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert result["from_formats"] == [name]
    assert {split: found["images"] for split, found in result["splits"].items()} == SPLITS
    back = head_of(tmp_path / "back")
    assert back["totals"]["annotations_in"] == back["totals"]["kept"] == TOTALS["kept"]
    names_before, names_after = head_of(direct)["names"], back["names"]
    assert sorted(names_after) == sorted(names_before)
    before, after = read_boxes(direct), read_boxes(tmp_path / "back")
    # Formats with one folder for all splits put them before names that would meet.
    assert len(before) == len(after) == 364
    for image, boxes in before.items():
        found = after[image]
        assert [names_after[int(box[0])] for box in found] == [
            names_before[int(box[0])] for box in boxes
        ]
        for one, other in zip(found, boxes, strict=True):
            np.testing.assert_allclose(one[1:], other[1:], rtol=0, atol=0.01)


def test_an_archive_gives_the_set_that_its_folder_gives(
    bccd: Path, direct: Path, tmp_path: Path
) -> None:
    archive = shutil.make_archive(str(tmp_path / "bccd"), "zip", bccd.parent, "bccd")
    run_yolokit("data", "convert", archive, "--out", "out", cwd=tmp_path)
    files = {path.relative_to(direct) for path in direct.rglob("*") if path.is_file()}
    assert files == {
        p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    for file in files - {Path("ledger.jsonl")}:
        assert (tmp_path / "out" / file).read_bytes() == (direct / file).read_bytes()
    totals = head_of(tmp_path / "out")["totals"]
    assert {key: totals[key] for key in TOTALS} == TOTALS
    text = (tmp_path / "out/ledger.jsonl").read_text()
    assert f"{archive}/bccd/Annotations/" in text, "places are told by the archive's name"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bccd.zip", "out"]


def test_two_runs_give_the_same_bytes(bccd: Path, direct: Path, tmp_path: Path) -> None:
    run_yolokit("data", "convert", bccd, "--out", tmp_path / "set", cwd=direct.parent)
    for file in sorted(direct.rglob("*")):
        if file.is_file():
            assert (tmp_path / "set" / file.relative_to(direct)).read_bytes() == file.read_bytes()


def test_steps_by_the_command(bccd: Path, tmp_path: Path) -> None:
    done = run_yolokit(
        *("data", "convert", bccd, "--out", "out", "--json"),
        *("--map", "RBC,WBC=cell", "--drop", "Platelets", "--tile", 320, "--group", "video"),
        *("--split", "0.8,0.2", "--sample", "10%"),
        cwd=tmp_path,
    )
    result = json.loads(done.stdout)
    assert result["names"] == ["cell"]
    totals = result["totals"]
    outcomes = ("kept", "clipped", "reinterpreted", "dropped", "excluded")
    assert totals["annotations_in"] == 4888 == sum(totals[key] for key in outcomes)
    assert sum(split["images"] for split in result["splits"].values()) == 36 * 6
    assert (tmp_path / "out/images/train").is_dir()


def test_the_table_of_formats(tmp_path: Path) -> None:
    text = run_yolokit("data", "formats", cwd=tmp_path).stdout
    assert len(list_formats()) >= 21
    for name in list_formats():
        assert f"\n{name} " in text
    lines = run_yolokit("data", "formats", "--json", cwd=tmp_path).stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == list(list_formats())
    assert "origin=0 (default), 1" in run_yolokit("data", "formats", "voc", cwd=tmp_path).stdout
    error = run_yolokit("data", "formats", "vocc", cwd=tmp_path, code=2).stderr
    assert "did you mean 'voc'" in error
