"""Formats are found by name, and recognised only where there is no doubt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.conftest import coco, voc_xml, write_coco, write_text, write_yolo
from yolokit.errors import ConfigError, DataError
from yolokit.formats.toolkit.plugin import (
    ReadOptions,
    can_write,
    list_formats,
    load_format,
    recognise,
)


def test_the_formats_of_this_version() -> None:
    assert {"coco", "voc", "yolo"} <= set(list_formats())
    assert all(can_write(name) for name in ("coco", "voc", "yolo"))


def test_listing_imports_no_format() -> None:
    code = (
        "import sys; from yolokit.formats.toolkit.plugin import list_formats\n"
        "names = list_formats(); print(names); assert len(names) > 15\n"
        "assert not [name for name in names if f'yolokit.formats.{name}' in sys.modules]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "coco" in done.stdout


def test_an_unknown_format_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean 'voc'"):
        load_format("vco")


def test_one_format_is_recognised_with_its_evidence(tmp_path: Path) -> None:
    write_coco(tmp_path / "x.json", coco([], []))
    name, match = recognise(tmp_path)
    assert name == "coco"
    assert "x.json" in match.evidence
    assert match.score == 1.0


def test_between_two_that_fit_nothing_is_guessed(tmp_path: Path) -> None:
    write_coco(tmp_path / "x.json", coco([], []))
    write_yolo(tmp_path, {"a.jpg": ""})
    with pytest.raises(DataError, match="more than one format fits") as caught:
        recognise(tmp_path)
    assert "x.json" in caught.value.message
    assert "data.yaml" in caught.value.message
    assert caught.value.hint is not None
    assert "--from" in caught.value.hint


def test_what_no_format_fits_is_an_error(tmp_path: Path) -> None:
    write_text(tmp_path / "a.xml", voc_xml().replace("annotation>", "notes>"))
    with pytest.raises(DataError, match="none of the known formats"):
        recognise(tmp_path)


def test_labels_that_need_their_images_refuse_labels_only() -> None:
    ReadOptions().require_images("the boxes are fractions", "a.json")
    with pytest.raises(DataError, match="are fractions, and --labels-only reads no image") as info:
        ReadOptions(labels_only=True).require_images("the boxes are fractions", "a.json")
    assert "say with --images" in str(info.value.hint)
