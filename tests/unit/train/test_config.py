"""Options of a training: ranges, combinations, and upstream's names."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig
from yolokit.train.config.checks import is_device
from yolokit.train.config.former import TODAY
from yolokit.train.config.upstream import to_own_settings, to_upstream
from yolokit.train.other_words import OTHER_WORDS


def read_upstream_defaults() -> dict[str, Any]:
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or spec.origin is None:
        pytest.skip("ultralytics is not installed")
    path = Path(spec.origin).parent / "cfg" / "default.yaml"
    defaults: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return defaults


def test_every_mistake_is_listed_at_once() -> None:
    values = {
        "data": "d.yaml",
        "epochs": 0,
        "imgsz": 333,
        "momentum": 0.1,
        "device": "gpu",
        "mosiac": 1,
    }
    with pytest.raises(ConfigError) as caught:
        TrainConfig.build(values)
    text = str(caught.value)
    assert "did you mean 'mosaic'" in text
    assert "epochs: must be a whole number of at least 1" in text
    assert "imgsz: must be a multiple of 32, not 333 (nearest is 320)" in text
    assert "momentum: has no effect with optimizer auto" in text
    assert "device: a GPU is given by its number, such as 0 for the first, not 'gpu'" in text
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("fitness", ["recall@1.5", "map75", "recall@0", "precision"])
def test_a_fitness_that_there_is_not_is_refused_with_those_that_there_are(fitness: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.build({"data": "d.yaml", "fitness": fitness})
    (problem,) = caught.value.problems
    assert problem == (
        "fitness: must be map50-95, map50, or recall@P with a precision P above 0 and at most 1, "
        f"such as recall@0.9, not '{fitness}'"
    )


def test_a_fitness_needs_validation_and_is_not_upstreams() -> None:
    values = {"data": "d.yaml", "fitness": "recall@0.9"}
    config = TrainConfig.build(values)
    assert "fitness" not in to_upstream(config)
    assert to_own_settings(config, Path("run")).fitness == "recall@0.9"
    with pytest.raises(ConfigError, match="fitness: has no effect with validate false"):
        TrainConfig.build({**values, "validate": False})
    assert TrainConfig.build({"data": "d.yaml", "validate": False}).fitness == "map50-95"


def test_options_of_other_trainers_get_the_right_word() -> None:
    assert not set(OTHER_WORDS) & set(TrainConfig.__struct_fields__)
    with pytest.raises(ConfigError) as caught:
        TrainConfig.build({"data": "d.yaml", "val": False, "amp": True, "single_cls": True})
    words = caught.value.problems
    assert words[0].startswith("val: is called validate here")
    assert (
        words[1]
        == "amp: is called precision here: auto, fp32, fp16 or bf16, as in --set precision=fp16"
    )
    assert words[2].startswith("single_cls: is not offered: `yolokit data convert --map")


def test_every_option_of_ultralytics_is_known_or_has_a_word() -> None:
    known = {*OTHER_WORDS, *TODAY, *TrainConfig.__struct_fields__}
    assert not read_upstream_defaults().keys() - known


@pytest.mark.parametrize(("option", "value"), [("seed", 2**32), ("epochs", 10**20)])
def test_a_number_that_the_engine_could_not_take_is_refused(option: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"{option}: must be a whole number (of at most|below) "):
        TrainConfig.build({"data": "d.yaml", option: value})


def test_numbers_and_texts_stand_for_each_other() -> None:
    values = {"device": 0, "lr": "1e-3", "optimizer": "SGD", "batch": "16", "freeze": "10"}
    config = TrainConfig.build({"data": "d.yaml", "weights": "w.pt", **values})
    assert (config.device, config.lr, config.batch, config.freeze) == ("0", 0.001, 16, 10)


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "0", "0,1", "3"])
def test_devices(device: str) -> None:
    assert is_device(device)


@pytest.mark.parametrize("device", ["", "gpu", "0,", "0,0", "-1", "cuda:0"])
def test_no_devices(device: str) -> None:
    assert not is_device(device)


def test_upstream_gets_its_own_names_and_no_paths() -> None:
    settings = to_upstream(TrainConfig(data="d", validate=False, class_weights=0.5))
    assert settings["val"] is False
    assert settings["cls_pw"] == 0.5
    assert settings["batch"] == -1
    assert settings["amp"] is True
    assert settings["cache"] is False
    assert not {"data", "weights", "arch", "precision", "validate", "lr0"} & settings.keys()
    assert not {"lr0", "momentum"} & settings.keys(), "upstream's own defaults"
    config = TrainConfig(data="d", optimizer="SGD", lr=0.02, momentum=0.5)
    assert to_upstream(config)["lr0"] == 0.02
    assert to_upstream(config)["momentum"] == 0.5


def test_the_momentum_of_auto_cannot_be_given() -> None:
    with pytest.raises(ConfigError, match="momentum: has no effect with optimizer auto"):
        TrainConfig.build({"data": "d", "momentum": 0.1})
    config = TrainConfig.build({"data": "d", "momentum": 0.1, "optimizer": "AdamW"})
    assert config.momentum == 0.1


def test_a_rate_goes_with_any_optimizer() -> None:
    config = TrainConfig.build({"data": "d", "lr": 0.1})
    assert (config.lr, config.optimizer) == (0.1, "auto")
    assert to_own_settings(config, Path("r")).lr == 0.1
    assert to_own_settings(TrainConfig(data="d"), Path("r")).lr is None


@pytest.mark.parametrize(
    ("schedule", "cosine", "warmup"),
    [("linear", False, 3.0), ("cosine", True, 3.0), ("one-cycle", False, 0.0)],
)
def test_a_schedule_for_upstream(schedule: str, cosine: bool, warmup: float) -> None:
    config = TrainConfig.build({"data": "d", "schedule": schedule})
    settings = to_upstream(config)
    assert (settings["cos_lr"], settings["warmup_epochs"]) == (cosine, warmup)
    assert to_own_settings(config, Path("r")).schedule == schedule


def test_upstream_knows_every_setting_that_it_gets() -> None:
    """A setting that upstream renamed would otherwise fail only when a training starts."""
    known = read_upstream_defaults()
    config = TrainConfig(data="d", optimizer="SGD", lr=0.1, momentum=0.9)
    assert set(to_upstream(config)) <= set(known)


@pytest.mark.parametrize("field", ["lrf", "box", "cls", "dfl", "mosaic", "hsv_h",
                                   "translate", "scale", "weight_decay", "warmup_epochs", "nbs",
                                   "close_mosaic", "fliplr"])  # fmt: skip
def test_defaults_are_upstreams_unless_noted(field: str) -> None:
    assert getattr(TrainConfig(data="d"), field) == read_upstream_defaults()[field]
