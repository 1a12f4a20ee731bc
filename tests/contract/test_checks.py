"""Every check of a data set that is discovered keeps the same promises."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import cast, get_args

import msgspec
import pytest

from tests.unit.conftest import write_image, write_text, write_yolo
from yolokit.core.findings import Finding
from yolokit.datasets.check import check_dataset
from yolokit.datasets.checks import (
    Check,
    Severity,
    allowable_codes,
    find_with,
    list_checks,
    load_check,
    run_checks,
)
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.facts import Purpose
from yolokit.datasets.read_facts import read_facts
from yolokit.errors import DataError

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
BOTH = "0 .5 .5 .2 .2\n1 .5 .5 1 1\n"


def in_labels(split: str, text: str) -> Callable[[Path], object]:
    return lambda root: write_text(root / f"labels/{split}/{split}.txt", text)


def in_yaml(text: str) -> Callable[[Path], object]:
    return lambda root: write_text(root / "data.yaml", text)


# What breaks a sound set so that a check finds it.
BREAK: dict[str, Callable[[Path], object]] = {
    "empty-boxes": in_labels("train", BOTH + "0 .5 .5 0 .2\n"),
    "empty-classes": in_labels("val", "0 .5 .5 .2 .2\n"),
    "label-rows": in_labels("train", "0 .5 .5\n"),
    "missing-labels": lambda root: write_image(root / "images/val/more.png"),
    "missing-split": in_yaml("train: images/train\nnames: [cat, dog]\n"),
    "no-images": lambda root: (root / "images/val/val.png").unlink(),
    "no-label-files": lambda root: (root / "labels/train").rename(root / "elsewhere"),
    "no-train-boxes": in_labels("train", ""),
    "no-val-boxes": in_labels("val", ""),
    "outlines": in_labels("train", "0 .1 .1 .9 .1 .5 .9\n1 .1 .1 .9 .1 .5 .9\n"),
    "repeated-images": in_yaml(YAML.replace("images/val", "images/train")),
    "repeated-labels": in_labels("train", BOTH + BOTH),
    "rotated-boxes": in_labels("train", "0 .5 .1 .9 .5 .5 .9 .1 .5\n"),
    "single-image": lambda root: (root / "images/train/more.png").unlink(),
    "stray-labels": lambda root: write_text(root / "labels/val/lost.txt", BOTH),
    "unread-split": lambda root: (
        write_text(root / "data.yaml", YAML + "test: images/test\n"),
        write_image(root / "images/test/bad.png").write_bytes(b"no image"),
    ),
    "unusable-images": lambda root: (root / "images/val/val.png").write_bytes(b"no image"),
}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A set in which no check finds anything."""
    labels = {"train.png": BOTH, "more.png": ""}
    for shade, split in ((70, "val"), (120, "train")):
        own = labels if split == "train" else {"val.png": BOTH}
        write_yolo(tmp_path, own, split=split, yaml=YAML)
        for name in own:
            write_image(tmp_path / f"images/{split}/{name}", shade=shade)
    return tmp_path


@pytest.fixture(params=list_checks())
def check(request: pytest.FixtureRequest) -> ModuleType:
    return cast("ModuleType", load_check(request.param))


def run(check: ModuleType, root: Path) -> list[Finding]:
    return list(find_with(cast("Check", check), read_facts(load_data_yaml(root, need=()))))


def test_every_check_is_tried_with_a_set_that_it_finds_fault_with() -> None:
    assert {name.replace("_", "-") for name in list_checks()} == set(BREAK)


def test_it_says_what_it_is(check: ModuleType) -> None:
    assert check.__name__.rpartition(".")[2].replace("_", "-") == check.CODE
    assert check.SEVERITY in get_args(Severity)
    assert check.PURPOSES
    assert set(check.PURPOSES) <= set(get_args(Purpose))
    assert check.HINT
    assert re.fullmatch(r"[a-z][^.]+", check.TITLE)
    assert check.__doc__


def test_it_finds_nothing_in_a_sound_set(check: ModuleType, sound: Path) -> None:
    assert run(check, sound) == []


def test_it_finds_what_it_is_for_and_says_where(check: ModuleType, sound: Path) -> None:
    BREAK[check.CODE](sound)
    found = run(check, sound)
    assert found
    for finding in found:
        assert finding.code == check.CODE
        assert re.search(r"\w+ \w+", finding.message)
        assert not finding.message.endswith(".")
        place = f"{finding.path}: {finding.message}"
        assert str(sound) in place or re.search(r"\b(train|val|test)\b", place)
    if check.CODE == "label-rows":
        assert [(one.path, one.line) for one in found] == [(sound / "labels/train/train.txt", 1)]


def test_the_severity_decides_what_becomes_of_a_finding(check: ModuleType, sound: Path) -> None:
    BREAK[check.CODE](sound)
    message = run(check, sound)[0].message
    if check.SEVERITY == "warning":
        assert message in check_dataset(sound).warnings
        return
    with pytest.raises(DataError) as caught:
        check_dataset(sound)
    assert message in str(caught.value)
    allowed = f"--allow {check.CODE}" in (caught.value.hint or "")
    assert allowed == (check.SEVERITY == "doubt") == (check.CODE in allowable_codes())


def test_it_runs_before_a_measurement_if_it_says_so(check: ModuleType, sound: Path) -> None:
    BREAK[check.CODE](sound)
    facts = msgspec.structs.replace(read_facts(load_data_yaml(sound, need=())), purpose="val")
    codes = {finding.code for finding in run_checks(facts, check.SEVERITY)}
    assert (check.CODE in codes) == ("val" in check.PURPOSES)
