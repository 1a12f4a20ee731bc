"""Every job has one shape, on the command line and in Python: ``run(config, on_event)``."""

from __future__ import annotations

import importlib
import inspect
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from typer.main import get_command

import yolokit
from yolokit.cli.main import app
from yolokit.core.config import Config
from yolokit.core.events import Event, Notice, OnEvent, ignore
from yolokit.core.options import Argument, list_options
from yolokit.errors import ConfigError

# A function of the Python API, how it is called, the job that it runs, its config and command.
JOBS = [
    ("pull_weights", ["n"], "hub.ensure:pull_weights", "hub.config:PullConfig", "weights pull"),
    ("get_dataset", ["n"], "jobs.get_dataset:get_dataset", "jobs.config:GetConfig", "data get"),
    ("convert_dataset", [".", "o"], "convert.job:convert", "convert.config:ConvertConfig",
     "data convert"),
    ("fix_dataset", [".", "o"], "jobs.fix.job:fix_data", "jobs.fix.config:FixConfig", "data fix"),
    ("check_dataset", ["."], "jobs.check.job:check_data", "jobs.check.config:CheckConfig",
     "data check"),
    ("show_data", ["d"], "jobs.show.job:show_data", "jobs.show.config:ShowConfig", "data show"),
    ("train_folds", ["d"], "train.folds.job:train_folds", "train.config:TrainConfig", "train"),
    ("train_model", ["d"], "train.run:train_model", "train.config:TrainConfig", "train"),
    ("tune_model", ["d"], "jobs.tune.job:tune_model", "jobs.tune.config:TuneConfig", "tune"),
    ("export_model", ["w"], "export.run:export_model", "export.config:ExportConfig", "export"),
    ("optimize_model", ["w", "d"], "jobs.optimize.job:optimize_model",
     "jobs.optimize.config:OptimizeConfig", "optimize"),
    ("validate_model", ["m", "d"], "evaluate.job:validate_model", "evaluate.config:ValConfig",
     "val"),
    ("bench_model", ["m"], "jobs.bench.job:bench_model", "jobs.bench.config:BenchConfig", "bench"),
    ("predict_files", ["m", "a", "b"], "runtime.predict:predict_files",
     "runtime.config:PredictConfig", "predict"),
]  # fmt: skip
IDS = [name for name, *_ in JOBS]


def load(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(f"yolokit.{module}"), name)


@pytest.mark.parametrize(("name", "arguments", "job", "config", "_command"), JOBS, ids=IDS)
def test_a_job_takes_a_config_and_who_is_told(
    name: str, arguments: list[str], job: str, config: str, _command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    first, second, *others = inspect.signature(load(job)).parameters.values()
    assert (first.name, second.name, second.default) == ("config", "on_event", ignore)
    assert all(one.kind is one.KEYWORD_ONLY for one in others)
    result = SimpleNamespace(report="done", summary="done")
    asked: list[Config] = []

    def run(given: Config, on_event: OnEvent, **_more: object) -> object:
        asked.append(given)
        on_event(Notice("hello"))
        return result

    module, function = job.split(":")
    monkeypatch.setattr(f"yolokit.{module}.{function}", run)
    told: list[Event] = []
    assert getattr(yolokit, name)(*arguments, on_event=told.append) in (result, "done")
    assert told == [Notice("hello")]
    assert [type(one) for one in asked] == [load(config)]
    getattr(yolokit, name)(*arguments)
    assert len(asked) == 2, "without on_event it is told to nobody"


@pytest.mark.parametrize(("_name", "_arguments", "_job", "config", "words"), JOBS, ids=IDS)
def test_the_command_has_the_options_of_the_config(
    _name: str, _arguments: list[str], _job: str, config: str, words: str
) -> None:
    command: Any = get_command(app)
    for word in words.split():
        command = command.commands[word]
    shown = {one.name: one.help for one in command.params}
    stated = list(list_options(load(config)))
    assert len(stated) > 1
    for one in stated:
        assert shown[one.name].startswith(one.option.help)


@pytest.mark.parametrize("config", [config for *_, config, _command in JOBS], ids=IDS)
def test_what_stands_for_a_value_is_stated_unless_there_is_none(config: str) -> None:
    for one in list_options(load(config)):
        assert (one.option.metavar is None) == (bool in one.kinds), one.name
        assert not (isinstance(one.option, Argument) and one.option.flag), one.name


@pytest.mark.parametrize("config", [config for *_, config, _command in JOBS], ids=IDS)
def test_defaults_are_in_their_range(config: str) -> None:
    kind = load(config)
    assert kind.JOB
    for field in msgspec.structs.fields(kind):
        if not field.required and field.default is not None:
            msgspec.convert(field.default, field.type)


@pytest.mark.parametrize("config", [config for *_, config, _command in JOBS], ids=IDS)
def test_a_former_name_is_no_field_of_its_own(config: str) -> None:
    kind = load(config)
    for one in list_options(kind):
        if one.former is not None:
            assert one.former not in kind.__struct_fields__


def test_a_former_name_of_an_option_goes_on_working_in_python() -> None:
    config = load("evaluate.config:ValConfig")
    assert config.build({"model": "m", "data": "d", "max_count": 5}).max_det == 5
    with pytest.raises(ConfigError, match="max_det: must be a whole number of at least 1"):
        config.build({"model": "m", "data": "d", "max_count": 0})


@pytest.mark.parametrize(("name", "arguments", "_job", "_config", "_words"), JOBS, ids=IDS)
def test_what_is_missing_is_named(
    name: str, arguments: list[str], _job: str, _config: str, _words: str
) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        getattr(yolokit, name)(*arguments[: 1 if name == "predict_files" else 0])
