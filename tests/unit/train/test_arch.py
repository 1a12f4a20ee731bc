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


@pytest.mark.parametrize("name", ["yolo62n", "yolo26", "yolo11z", "yolo26n-segment"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown architecture"):
        find_arch(name)


@pytest.mark.parametrize(
    ("name", "what", "detector"),
    [
        ("yolo26n-seg", "a network that segments", "yolo26n"),
        ("yolov8x-pose-p6", "a network for poses", "yolov8x-p6"),
        ("yolo11s-obb", "a network for oriented boxes", "yolo11s"),
        ("yolo26-cls", "a classifier", None),
        ("rtdetr-l", "another kind of network", None),
        ("yoloe-11s", "another kind of network", None),
    ],
)
def test_networks_of_other_tasks_are_named_as_such(
    name: str, what: str, detector: str | None
) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is {what}, and this version trains") as caught:
        find_arch(name)
    hint = f"--arch {detector} is the detector of its family" if detector else None
    assert caught.value.hint == hint


def test_every_listed_name_is_found() -> None:
    assert len(list_archs()) > 50
    for name in list_archs():
        assert find_arch(name).path.is_file()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert find_arch(str(tmp_path / "mine.yaml")) == Arch(tmp_path / "mine.yaml", "mine")
    with pytest.raises(ConfigError, match="no such file"):
        find_arch(str(tmp_path / "yours.yaml"))
