"""Presets: files that say why, and give way to whatever is stated beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from yolokit.core.options import list_options
from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig
from yolokit.train.config.presets import FOLDER, NAMES, find_preset, read_preset


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_file_with_a_reason_for_each_value(name: str) -> None:
    lines = find_preset(name).read_text("utf-8").splitlines()
    assert lines[0].startswith("# ")
    for line in lines:
        assert not line or line.lstrip().startswith("#") or re.search(r"  # \w", line), line
    assert TrainConfig.build({"data": "d", "weights": "w.pt", "preset": name}).preset == name


def test_all_files_are_listed() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(NAMES)
    (option,) = [one.option for one in list_options(TrainConfig) if one.name == "preset"]
    assert option.metavar == "|".join([*NAMES, "FILE"])


def test_default_is_what_happens_without_a_preset() -> None:
    for key, value in read_preset("default").items():
        assert getattr(TrainConfig(data="d"), key) == value, key


def test_what_is_stated_wins() -> None:
    values = {"data": "d", "weights": "w.pt", "preset": "small-data"}
    assert TrainConfig.build(values).nbs == 16
    assert TrainConfig.build(values | {"nbs": 32}).nbs == 32
    other = TrainConfig.build(values | {"mosaic": 0, "weights": "none"})
    assert (other.close_mosaic, other.freeze) == (10, 0)
    assert TrainConfig.build(values | {"schedule": "one-cycle"}).warmup_epochs == 3.0


def test_a_rate_gives_way_to_another_optimizer(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optimizer: AdamW\nlr0: 0.0005\n")
    values = {"data": "d", "preset": str(path)}
    assert TrainConfig.build(values).lr == 0.0005
    assert TrainConfig.build(values | {"optimizer": "SGD"}).lr == "auto"
    assert TrainConfig.build(values | {"lr": 0.001}).lr == 0.001


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "stated",
    [{"add_classes": True, "weights": "w.pt"}, {"validate": False}, {"validate": "false"},
     {"optimizer": "SGD"}, {"mosaic": "0"}, {"init": "imagenet"}, {"arch": "yolo11n"},
     {"weights": "w.pt", "init": "backbone"}, {"backbone": "torchvision:resnet18"}],
    ids=str,
)  # fmt: skip
def test_each_goes_with_what_may_be_stated_beside_it(name: str, stated: dict[str, object]) -> None:
    TrainConfig.build({"data": "d", "preset": name} | stated)


def test_only_what_has_no_ground_is_left_out() -> None:
    values = {"data": "d", "preset": "small-data"}
    assert TrainConfig.build(values | {"init": "imagenet"}).freeze == "backbone"
    adding = TrainConfig.build(values | {"weights": "w.pt", "add_classes": True})
    assert (adding.freeze, adding.nbs) == (0, 16)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mosaic: 0.25\nfitness: map50\nbox_loss: giou\n")
    values = {"data": "d", "preset": str(path)}
    assert TrainConfig.build(values).mosaic == 0.25
    without = TrainConfig.build(values | {"validate": False, "box": 0})
    assert (without.fitness, without.box_loss) == ("map50-95", "ciou"), "they would have no effect"
    path.write_text(yaml.safe_dump({"trust": "x.pt", "allow": ["a"], "data": "d", "mosaic": 1}))
    with pytest.raises(ConfigError) as caught:
        TrainConfig.build({"data": "d", "preset": str(path)})
    keys = [problem.split(":")[0] for problem in caught.value.problems]
    assert keys == ["data", "trust", "allow"]
    with pytest.raises(ConfigError, match=r"none\.yaml is not a file"):
        find_preset(str(tmp_path / "none.yaml"))


def test_a_name_that_is_none_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'small-data'"):
        TrainConfig.build({"data": "d", "preset": "smal-data"})
