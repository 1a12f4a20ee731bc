"""Architectures by name and by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.errors import ConfigError
from yolokit.train.arch import Arch, find_arch, list_archs

pytest.importorskip("onnx", reason="the train extra is not installed")


@pytest.mark.parametrize(
    ("name", "file"),
    [("yolo26n", "yolo26.yaml"), ("yolov8s-p2", "yolov8-p2.yaml"), ("yolov9t", "yolov9t.yaml")],
)
def test_known_names(name: str, file: str) -> None:
    arch = find_arch(name)
    assert arch.path.name == file
    assert arch.stem == name


@pytest.mark.parametrize("name", ["yolo62n", "yolo11n-seg", "yolo26", "rtdetr-l", "yolo11z"])
def test_unknown_names_and_other_tasks_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown architecture"):
        find_arch(name)


def test_every_listed_name_is_found() -> None:
    for name in list_archs():
        assert find_arch(name).path.is_file()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert find_arch(str(tmp_path / "mine.yaml")) == Arch(tmp_path / "mine.yaml", "mine")
    with pytest.raises(ConfigError, match="no such file"):
        find_arch(str(tmp_path / "yours.yaml"))
