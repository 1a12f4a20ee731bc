"""Options of a start become a plan; nothing is fetched that is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yolokit.core.events import OnEvent
from yolokit.errors import ConfigError, WeightsError, YolokitError
from yolokit.hub.config import PullConfig
from yolokit.hub.ensure import Obtained
from yolokit.train import start as starts
from yolokit.train.config import TrainConfig
from yolokit.train.start import StartPlan, plan_start

pytest.importorskip("onnx", reason="the train extra is not installed")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names that were asked for; each is 'obtained' as a file that nothing speaks against."""
    names: list[str] = []

    def pull(config: PullConfig, _on_event: OnEvent) -> Obtained:
        name = config.name
        names.append(name)
        return Obtained(
            path=tmp_path / Path(name).name, sha256="0" * 64, size_bytes=1, name=name, url=None,
            entry=None, status="verified", fetched=False,
        )  # fmt: skip

    monkeypatch.setattr(starts, "pull_weights", pull)
    monkeypatch.setattr(starts, "explain_unreadable", lambda _path: None)
    return names


def plan(**options: Any) -> StartPlan:
    return plan_start(TrainConfig.build({"data": "d.yaml", **options}), lambda _event: None)


@pytest.mark.parametrize(
    ("options", "kind", "arch", "name"),
    [
        ({}, "scratch", "yolo26n", None),
        ({"arch": "yolo11s"}, "scratch", "yolo11s", None),
        ({"weights": "yolo26n"}, "network", None, "yolo26n"),
        ({"weights": "runs/a/best.pt", "init": "network"}, "network", None, "runs/a/best.pt"),
        ({"weights": "yolo11n-seg", "init": "backbone"}, "backbone", None, "yolo11n-seg"),
        (
            {"weights": "yolo26n", "init": "backbone", "arch": "yolo26n-p2"},
            "backbone", "yolo26n-p2", "yolo26n",
        ),
        ({"init": "imagenet"}, "backbone", "yolo26n", "yolo26n-cls"),
        ({"init": "imagenet", "arch": "yolov8s-p2"}, "backbone", "yolov8s-p2", "yolov8s-cls"),
        ({"weights": "yolov3.weights"}, "darknet", "darknet-yolov3", "yolov3.weights"),
        ({"weights": "darknet53.conv.74"}, "darknet", "darknet-yolov3", "darknet53.conv.74"),
        ({"weights": "yolov4.conv.137"}, "darknet", "darknet-yolov4", "yolov4.conv.137"),
        (
            {"weights": "mine.weights", "arch": "darknet-yolov3-tiny"},
            "darknet", "darknet-yolov3-tiny", "mine.weights",
        ),
        ({"backbone": "torchvision:resnet50"}, "torchvision", "yolo26n", None),
        (
            {"backbone": "torchvision:resnet50", "init": "imagenet", "arch": "yolov8n"},
            "torchvision", "yolov8n", "torchvision-resnet50",
        ),
        (
            {"backbone": "torchvision:vgg16", "weights": "my.pth"},
            "torchvision", "yolo26n", "my.pth",
        ),
    ],
)  # fmt: skip
def test_kinds_of_start(
    asked: list[str], options: dict[str, Any], kind: str, arch: str | None, name: str | None
) -> None:
    found = plan(**options)
    assert found.kind == kind
    assert (found.arch.stem if found.arch else None) == arch
    assert asked == ([] if name is None else [name])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"init": "imagenet", "arch": "yolov9t"}, "no ImageNet weights are published for yolov9t"),
        ({"init": "imagenet", "backbone": "torchvision:resnet5"}, "no ImageNet weights for torch"),
        ({"weights": "odd.weights"}, "does not say what network it belongs to"),
        ({"weights": "a.pt", "trust": "b.pt"}, "is not the file that is loaded"),
        ({"init": "backbone"}, "needs weights to take it from"),
        ({"init": "imagenet", "weights": "yolo26n"}, "so weights must be none"),
        ({"weights": "yolo26n", "arch": "yolo26s"}, "the weights bring their own"),
        ({"backbone": "resnet50"}, "must be torchvision:NAME"),
        ({"backbone": "torchvision:"}, "must be torchvision:NAME"),
        ({"backbone": "torchvision:resnet50", "init": "backbone"}, "combined with backbone"),
        ({"trust": "a.pt"}, "there is none"),
        ({"freeze": "head"}, "freeze: must be"),
        ({"freeze": -1}, "freeze: must be"),
        ({"freeze": "backbone"}, "with weights none all layers are fresh"),
        (
            {"freeze": 1, "backbone": "torchvision:resnet50"},
            "with weights none all layers are fresh",
        ),
        ({"init": "imagenet", "arch": "yolov8n-ghost"}, "only 1 layer is alike from the start"),
    ],
)
def test_what_does_not_go_together(asked: list[str], options: dict[str, Any], words: str) -> None:
    with pytest.raises(YolokitError, match=words):
        plan(**options)
    assert set(asked) <= {"odd.weights", "a.pt"}


def test_a_classifier_must_have_the_architecture_that_is_published(
    asked: list[str], tmp_path: Path
) -> None:
    config = TrainConfig.build({"data": "d", "init": "imagenet", "arch": "yolov8m-p6", "freeze": 3})
    request = plan_start(config, lambda _event: None).request(config, ["x"], tmp_path)
    assert request.source_arch == str(tmp_path / "yolov8m-cls.yaml")
    assert "Classify" in Path(request.source_arch).read_text("utf-8")
    assert asked == ["yolov8m-cls"]


def test_a_cfg_beside_darknet_weights_comes_first(
    asked: list[str], test_data: Path, tmp_path: Path
) -> None:
    shipped = test_data / "darknet" / "yolov3-tiny.cfg"
    (tmp_path / "yolov3.cfg").write_bytes(shipped.read_bytes())
    found = plan(weights=str(tmp_path / "yolov3.weights"))
    assert found.arch is not None
    assert found.arch.path == tmp_path / "yolov3.cfg"
    assert asked


def test_a_cfg_without_a_counterpart_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text("[net]\n[lstm]\n")
    with pytest.raises(YolokitError, match=r"net\.cfg:2: \[lstm\] has no counterpart"):
        plan(arch=str(tmp_path / "net.cfg"))


def test_nothing_is_fetched_for_a_run_that_cannot_begin(asked: list[str], tmp_path: Path) -> None:
    from yolokit.train.run import train_model

    with pytest.raises(YolokitError, match="there is no such data"):
        train_model(TrainConfig.build({"data": str(tmp_path / "no.yaml"), "weights": "yolo26n"}))
    assert asked == []


def test_a_file_that_is_no_checkpoint_is_named_before_torch_starts(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"<html>")
    with pytest.raises(WeightsError, match="a web page"):
        plan(weights=str(tmp_path / "x.pt"))


def test_the_trusted_file_may_be_named_in_another_way(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = TrainConfig.build({"data": "d", "weights": "a.pt", "trust": "./a.pt"})
    found = plan_start(config, lambda _event: None)
    assert found.request(config, ["x"], tmp_path).trust
    with pytest.raises(ConfigError, match="is not the file"):
        plan(weights="a.pt", trust="sub/a.pt")
    assert asked == ["a.pt", "a.pt"]


def test_a_darknet_file_that_git_lfs_has_not_fetched(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.weights").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WeightsError, match="is not a Darknet file: it is a git-LFS pointer"):
        plan(weights="mine.weights", arch="darknet-yolov3-tiny")
