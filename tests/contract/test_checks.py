"""Every check of a data set that is discovered keeps the same promises."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import cast, get_args

import pytest

from tests.samples.planted import COCO, YOLO, write_sound_coco, write_sound_yolo
from yolokit.core.plugins import list_plugins
from yolokit.datasets.check import check_dataset
from yolokit.datasets.check_report import CheckReport
from yolokit.datasets.checks import (
    PACKAGES,
    Severity,
    allowable_codes,
    list_checks,
    load_check,
    load_checks,
)
from yolokit.datasets.facts import Purpose
from yolokit.errors import DataError
from yolokit.jobs.check.config import CheckConfig
from yolokit.jobs.check.job import check_data

OF_ACCOUNTS = {"bad-annotation", "iscrowd"}  # codes of a reader, which no check has


@pytest.fixture(scope="module")
def sound_yolo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("yolo")
    write_sound_yolo(folder)
    return folder


@pytest.fixture
def yolo(sound_yolo: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound_yolo, tmp_path / "set")


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    write_sound_coco(tmp_path / "set")
    return tmp_path / "set"


def look(source: Path, **options: object) -> CheckReport:
    return check_data(CheckConfig.build({"source": source, **options}))


def codes(report: CheckReport) -> set[str]:
    return {group.code for group in report.groups}


@pytest.fixture(params=list_checks())
def check(request: pytest.FixtureRequest) -> ModuleType:
    return cast("ModuleType", load_check(request.param))


def test_every_check_has_a_planted_case() -> None:
    """A check without one is not known to find anything."""
    known = {check.CODE for check in load_checks()}
    assert set(YOLO) | set(COCO) == known | OF_ACCOUNTS
    assert {check.CODE for check in load_checks() if "train" in check.PURPOSES} == set(YOLO)


def test_each_label_check_that_looks_at_sources_has_a_case_there() -> None:
    rows = {name.replace("_", "-") for name in list_plugins(PACKAGES[0])}
    wanted = {one.CODE for one in load_checks() if one.CODE in rows and "source" in one.PURPOSES}
    assert wanted - set(COCO) == {
        "rotated-corners",  # COCO has none: DOTA's are in the tests of the check
        "unknown-class",  # COCO's reader refuses a file with one
    }


def test_it_says_what_it_is(check: ModuleType) -> None:
    assert check.__name__.rpartition(".")[2].replace("_", "-") == check.CODE
    assert check.SEVERITY in get_args(Severity)
    assert check.PURPOSES
    assert set(check.PURPOSES) <= set(get_args(Purpose))
    assert check.HINT
    assert not check.HINT.endswith(".")
    assert re.fullmatch(r"[a-z][^.]+", check.TITLE)
    assert check.__doc__


def test_codes_are_unique_over_all_packages() -> None:
    names = [name for package in PACKAGES for name in list_plugins(package)]
    assert len(set(names)) == len(names)


def test_nothing_is_found_in_sound_sets(yolo: Path, coco: Path) -> None:
    for source in (yolo, coco):
        report = look(source)
        assert [str(one) for group in report.groups for one in group.findings] == []
        assert report.verdict.startswith("nothing wrong in ")
    assert check_dataset(yolo).warnings == ()


@pytest.mark.parametrize("code", YOLO)
def test_a_planted_case_yields_exactly_its_code(code: str, yolo: Path) -> None:
    YOLO[code].plant(yolo)
    report = look(yolo)
    assert codes(report) == {code, *YOLO[code].also}
    _expect_places(report, code, yolo)
    _expect_gate(report, code, yolo)


def _expect_places(report: CheckReport, code: str, root: Path) -> None:
    """Each finding has a place, and reads as a phrase."""
    (group,) = (group for group in report.groups if group.code == code)
    for finding in group.findings:
        assert finding.code == code
        assert re.search(r"\w+ \w+", finding.message)
        assert not finding.message.endswith(".")
        assert finding.hint or group.hint
        assert str(root) in str(finding.path)
        if code in {name.replace("_", "-") for name in list_plugins(PACKAGES[0])}:
            is_of_row = finding.line is not None or finding.index is not None
            assert is_of_row or code in ("outlines", "rotated-boxes")


def _expect_gate(report: CheckReport, code: str, root: Path) -> None:
    """Training refuses errors and doubts with their code, tells warnings, and keeps to itself."""
    (group,) = (group for group in report.groups if group.code == code)
    refused = {one.code for one in report.groups if one.is_refused}
    if refused:
        with pytest.raises(DataError) as caught:
            check_dataset(root)
        assert all(f"({one})" in str(caught.value) for one in refused)
        allowed = f"--allow {code}" in (caught.value.hint or "")
        assert allowed == (group.severity == "doubt") == (code in allowable_codes())
    elif group.severity == "warning":
        assert any(group.findings[0].message in one for one in check_dataset(root).warnings)
    else:
        assert not check_dataset(root).warnings


@pytest.mark.parametrize("code", COCO)
def test_a_case_planted_in_coco_yields_exactly_its_code(code: str, coco: Path) -> None:
    COCO[code].plant(coco)
    report = look(coco)
    assert codes(report) == {code, *COCO[code].also}
    _expect_places(report, code, coco)


def test_the_place_in_coco_is_the_index_of_the_annotation(coco: Path) -> None:
    COCO["tiny-boxes"].plant(coco)
    (group,) = look(coco).groups
    (found,) = group.findings
    content = json.loads((coco / "annotations.json").read_text())
    assert content["annotations"][found.index]["bbox"] == [40, 30, 1, 8]
    assert found.path == coco / "annotations.json"
    assert found.image == str(coco / "images/03.png")


@pytest.mark.parametrize("code", sorted(set(allowable_codes()) & set(YOLO)))
def test_an_allowed_doubt_fails_nothing(code: str, yolo: Path) -> None:
    YOLO[code].plant(yolo)
    report = look(yolo, allow=[code])
    assert not report.fails("error")
    assert any(group.code == code and group.is_allowed for group in report.groups)
    assert any(f"(allowed: {code})" in one for one in check_dataset(yolo, allow=[code]).warnings)
