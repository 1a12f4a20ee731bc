"""Each safe mend of a set is made, entered, and nothing else is touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import write_image, write_text
from yolokit.convert.job import ConvertResult
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.jobs.fix_config import FixConfig
from yolokit.jobs.fix_data import fix_data

BOTH = "0 .5 .5 .2 .2\n1 .3 .3 .1 .1\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A sound set of 30 images for training and 6 for validation, no two alike."""
    root = tmp_path / "set"
    for number in range(36):
        split = "train" if number < 30 else "val"
        write_image(root / f"images/{split}/{number}.jpg", 160, 120, shade=7 * number)
        write_text(root / f"labels/{split}/{number}.txt", BOTH)
    write_text(root / "data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n")
    return root


def fix(source: Path, **options: Any) -> ConvertResult:
    return fix_data(FixConfig.build({"source": source, "out": source.parent / "out", **options}))


def entries(result: ConvertResult) -> list[dict[str, Any]]:
    lines = (result.out / "ledger.jsonl").read_text().splitlines()[1:]
    return [json.loads(line) for line in lines]


def copy(root: Path, source: str, to: str, labels: str | None = None) -> None:
    shutil.copy(root / f"images/{source}.jpg", root / f"images/{to}.jpg")
    text = (root / f"labels/{source}.txt").read_text() if labels is None else labels
    write_text(root / f"labels/{to}.txt", text)


def damage(root: Path) -> None:
    path = root / "images/train/4.jpg"
    path.write_bytes(path.read_bytes()[:-200])


PLANTED: dict[str, tuple[Callable[[Path], object], dict[str, int]]] = {
    "unreadable": (damage, {"dropped: unreadable-image": 2}),
    "leak": (
        lambda root: copy(root, "val/30", "train/leak"),
        {"excluded: leaking-image": 2},
    ),
    "picture twice": (
        lambda root: copy(root, "train/1", "train/again"),
        {"excluded: repeated-image": 2},
    ),
    "label twice": (
        lambda root: write_text(root / "labels/train/2.txt", BOTH + BOTH),
        {"excluded: repeated-label": 2},
    ),
    "sticks out": (
        lambda root: write_text(root / "labels/train/3.txt", "0 .95 .5 .2 .2\n"),
        {"clipped: clipped": 1},
    ),
    "no area": (
        lambda root: write_text(root / "labels/train/3.txt", "0 .5 .5 0 .2\n"),
        {"dropped: empty-box": 1},
    ),
    "outline among boxes": (
        lambda root: write_text(root / "labels/train/3.txt", BOTH + "0 .1 .1 .3 .1 .2 .3\n"),
        {"reinterpreted: polygon-to-box": 1},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_mended_and_entered(source: Path, name: str) -> None:
    plant, codes = PLANTED[name]
    plant(source)
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    result = fix(source)
    assert result.codes == codes
    assert len(entries(result)) == sum(codes.values())
    assert all(Path(entry["path"]).is_file() for entry in entries(result))
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before


def test_a_sound_set_stays_as_it_is(source: Path) -> None:
    result = fix(source)
    assert (result.codes, result.totals.kept) == ({}, 72)
    assert {split: counts.images for split, counts in result.splits.items()} == {
        "train": 30, "val": 6,
    }  # fmt: skip


def test_a_leaking_picture_stays_where_figures_are_measured(source: Path) -> None:
    copy(source, "val/30", "train/leak", labels="1 .5 .5 .4 .4\n")
    result = fix(source)
    assert (result.splits["train"].images, result.splits["val"].images) == (30, 6)
    assert result.codes == {"excluded: leaking-image": 1}
    assert not any("unusable" in warning for warning in result.warnings)


def test_one_picture_with_other_labels_needs_an_eye(source: Path) -> None:
    copy(source, "train/1", "train/again", labels="1 .5 .5 .4 .4\n")
    result = fix(source)
    assert result.codes == {}
    assert result.splits["train"].images == 31


def test_a_mended_set_has_nothing_to_mend(source: Path, tmp_path: Path) -> None:
    for plant, _codes in PLANTED.values():
        plant(source)
    again = fix_data(FixConfig.build({"source": fix(source).out, "out": tmp_path / "again"}))
    assert again.codes == {}


def test_too_much_damage_is_no_mend(source: Path) -> None:
    for number in range(6):
        path = source / f"images/train/{number}.jpg"
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="dropped"):
        fix(source)
    assert not (source.parent / "out").exists()
    assert fix(source, max_drop="50%").splits["train"].images == 24


@pytest.mark.parametrize(
    ("rows", "yaml", "task"),
    [
        (BOTH, "", Task.DETECT),
        ("0 .1 .1 .3 .1 .2 .3\n", "", Task.SEGMENT),
        ("0 .2 .1 .3 .2 .2 .3 .1 .2\n", "", Task.OBB),
        ("0 .1 .1 .3 .1 .3 .3 .1 .3\n", "", Task.SEGMENT),
        ("0 .5 .5 .4 .4 .5 .5 2\n", "kpt_shape: [1, 3]\n", Task.POSE),
    ],
)
def test_labels_tell_what_task_they_are_for(source: Path, rows: str, yaml: str, task: Task) -> None:
    for path in source.rglob("labels/*/*.txt"):
        path.write_text(rows)
    with (source / "data.yaml").open("a") as stream:
        stream.write(yaml)
    result = fix(source)
    head = json.loads((result.out / "ledger.jsonl").read_text().splitlines()[0])
    assert head["task"] == task
    assert result.totals.kept == 36 * rows.count("\n")
