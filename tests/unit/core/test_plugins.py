"""Plug-ins are listed without an import, and unknown ones get a suggestion."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.core.suggest import nearest, unknown_name
from yolokit.errors import ConfigError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "plugged_for_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "coco.py").write_text("loaded = True")
    (folder / "voc.py").write_text("raise RuntimeError('imported')")
    (folder / "_shared.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return "plugged_for_test"


def test_listing_imports_nothing(package: str) -> None:
    assert list_plugins(package) == ("coco", "voc")
    assert f"{package}.coco" not in sys.modules


def test_one_is_loaded_by_name(package: str) -> None:
    assert load_plugin(package, "coco", kind="format").loaded


def test_an_unknown_one_gets_a_suggestion(package: str) -> None:
    with pytest.raises(ConfigError, match="unknown format 'coc': did you mean 'coco'"):
        load_plugin(package, "coc", kind="format")


def test_far_names_list_what_there_is() -> None:
    assert "the known ones are a, b" in str(unknown_name("thing", "zzzzzz", ["a", "b"]))
    assert nearest("YOLO26N", ["yolo26n"]) == "yolo26n"
