"""Default < preset < file < command line, and who said so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yolokit.errors import ConfigError
from yolokit.train.config.layers import read_settings, resolve_layers, resolve_options

GIVEN: dict[str, Any] = {"data": "d", "preset": "fast", "epochs": 3}


def test_each_layer_lies_over_those_before(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("epochs: 7\nimgsz: 320\nclose_mosaic: 2\n")
    found = resolve_options(GIVEN, file=file, settings=["close_mosaic=1", "hsv_h=0"])
    config, origins = found.config, found.origins
    assert (config.patience, origins["patience"]) == (10, "preset fast")
    assert (config.imgsz, origins["imgsz"]) == (320, str(file))
    assert (config.epochs, origins["epochs"]) == (3, "command line")
    assert (config.close_mosaic, origins["close_mosaic"]) == (1, "--set")
    assert "mixup" not in origins
    assert "freeze" not in origins, "it gave way: there are no weights"


def test_a_preset_may_be_named_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("preset: fast\n")
    assert resolve_options({"data": "d"}, file=file).config.patience == 10
    assert resolve_options({"data": "d"}, settings=["preset=fast"]).config.patience == 10


def test_settings_have_the_types_of_their_options() -> None:
    settings = ["lr0=1e-3", "optimizer=SGD", "cos-lr=true", "device=0", "allow=a", "allow=b",
                "weights=w.pt", "freeze=10", "momentum=null"]  # fmt: skip
    assert read_settings(settings, {})["allow"] == ["a", "b"]
    values = {key: value for key, value in read_settings(settings, {}).items() if key != "allow"}
    config = resolve_layers({"--set": {"data": "d", **values}}).config
    assert (config.lr, config.schedule, config.device, config.freeze) == (0.001, "cosine", "0", 10)
    assert config.momentum is None


def test_former_names_give_way_to_those_of_a_later_layer(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("lr0: 0.1\ncos_lr: true\n")
    found = resolve_options({"data": "d", "lr": "0.2"}, file=file)
    assert (found.config.lr, found.origins["lr"]) == (0.2, "command line")
    assert (found.config.schedule, found.origins["schedule"]) == ("cosine", str(file))


def test_a_rate_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lr0: is given by --set and by an option of its own"):
        resolve_options({"data": "d", "lr": "0.2"}, settings=["lr0=0.1"])
    file = tmp_path / "mine.yaml"
    file.write_text("lr: 0.1\nlr0: 0.2\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml") as caught:
        resolve_options({"data": "d"}, file=file)
    assert caught.value.problems == ("lr0: is called lr now, which is given too; leave it out",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["lr0"], "--set lr0: must be KEY=VALUE"),
        (["lr0="], "--set lr0=: must be KEY=VALUE"),
        (["epochs=4"], "epochs: is given by --set and by an option of its own; give one"),
        (["mosaic=1", "mosaic=0"], "mosaic: is set 2 times"),
        (["mosiac=1"], "unknown option 'mosiac': did you mean 'mosaic'?"),
        (["amp=false"], "amp: is called precision here"),
        (["name=x"], "name: is given on the command line: --name NAME"),
        (["momentum=0.1"], "momentum: has no effect with optimizer auto"),
        (["lr=0"], "lr: must be a number above 0.0, not '0'"),
        (["lr=fast"], "lr: must be auto or a number, not 'fast'"),
        (["lr=0.1", "lr0=0.1"], "lr0: is called lr now, which is given too; leave it out"),
        (["schedule=linear", "cos_lr=1"], "cos_lr: is called schedule now, which is given too"),
        (["cos_lr=maybe"], "cos_lr: is `schedule: cosine` now, or linear; not 'maybe'"),
        (["schedule=poly"], "schedule: must be one of linear, cosine, one-cycle, not 'poly'"),
        (["schedule=one-cycle", "warmup_epochs=2"], "warmup_epochs: has no effect with schedule"),
        (["learning_rate=0.1"], "learning_rate: is called lr here"),
        (["mosaic=0", "close_mosaic=5"], "close_mosaic: has no effect with mosaic 0"),
        (["validate=false", "patience=5"], "patience: has no effect with validate false"),
        (["box=0", "box_loss=iou"], "box_loss: has no effect with box 0"),
        (["box_loss=siou"], "box_loss: must be one of ciou, diou, giou, iou, not 'siou'"),
        (["multi_scale=1.5"], "multi_scale: must be a number of at most 0.9"),
        (["repeat_factor=2"], "repeat_factor: must be a number of at most 1"),
    ],
)
def test_mistakes_name_the_right_option(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_options({"data": "d", "epochs": 3}, settings=settings)
    assert message in str(caught.value)


def test_all_contradictions_are_told_at_once_with_their_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("momentum: 0.5\nclose_mosaic: 5\nmosaic: 0\nepochs: 0\n")
    with pytest.raises(ConfigError) as caught:
        resolve_options({"data": "d"}, file=file, settings=["imgsz=33"])
    keys = [problem.split(":")[0] for problem in caught.value.problems]
    place = f" (in {file})"
    assert keys == [f"epochs{place}", f"momentum{place}", "imgsz", f"close_mosaic{place}"]


def test_an_option_that_there_is_not_is_placed_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mosiac: 0.5\n")
    with pytest.raises(ConfigError) as caught:
        resolve_options({"data": "d"}, file=path)
    (problem,) = caught.value.problems
    assert problem == f"unknown option 'mosiac' (in {path}): did you mean 'mosaic'?"
