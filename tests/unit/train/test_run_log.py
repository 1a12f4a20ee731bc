"""A logger that fails is told once, and training goes on."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.samples.runs import make_epoch, make_record
from yolokit.core.events import Notice
from yolokit.errors import ConfigError, MissingDependencyError
from yolokit.train import run_log
from yolokit.train.config import TrainConfig
from yolokit.train.run_log import RunLog, require_loggers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Failing:
    """Has no room after the first epoch."""

    def __init__(self) -> None:
        self.last_epoch = -1
        self.tries = 0

    def log_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        del figures
        self.tries += 1
        if epoch > 1:
            raise OSError(28, "No space left on device")
        self.last_epoch = epoch

    def close(self, *_given: object) -> None:
        raise AssertionError("one that failed is left alone")


def use(monkeypatch: pytest.MonkeyPatch, open_logger: Any) -> None:
    plugin = SimpleNamespace(open_logger=open_logger, MODULE="nowhere_to_be_found", EXTRA="mlflow")
    monkeypatch.setattr(run_log, "_load", lambda _name: plugin)


def test_one_that_fails_in_the_middle_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing()
    use(monkeypatch, lambda *_given: failing)
    told: list[Any] = []
    record = make_record(log=["mlflow"])
    log = RunLog(record, tmp_path, told.append)
    for number in (1, 2, 3, 4):
        record.epochs.append(make_epoch(number))
        log.write(record)
    log.close(record)
    assert [type(one) for one in told] == [Notice]
    assert "--log mlflow failed, and training goes on without it" in told[0].message
    assert "No space left on device" in told[0].message
    assert failing.tries == 3


def refuse(*_given: object) -> None:
    raise ConnectionError("the server does not answer")


def test_one_that_cannot_begin_ends_a_run_that_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, refuse)
    with pytest.raises(ConfigError, match="--log mlflow cannot begin: the server does not answer"):
        RunLog(make_record(log=["mlflow"]), tmp_path, print)


def test_but_not_one_that_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, refuse)
    told: list[Any] = []
    RunLog(make_record(2, log=["mlflow"]), tmp_path, told.append)
    assert "the server does not answer" in told[0].message


def test_a_missing_package_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, refuse)
    with pytest.raises(MissingDependencyError, match="--log mlflow needs nowhere_to_be_found") as e:
        require_loggers(["mlflow"])
    assert e.value.hint


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"log": ["tensorbord"]}, "did you mean 'tensorboard'"),
        ({"mlflow_uri": "x"}, "mlflow_uri: has no effect unless log names mlflow"),
        ({"wandb_online": True}, "wandb_online: has no effect unless log names wandb"),
        (
            {"log": ["mlflow"], "mlflow_uri": "https://a.example", "offline": True},
            "is a server, and offline opens no connection",
        ),
        (
            {"log": ["mlflow"], "mlflow_uri": "https://me:secret@a.example"},
            "mlflow_uri: must not name a user",
        ),
        ({"log": ["wandb"], "wandb_online": True, "offline": True}, "cannot be combined"),
        ({"watch": "weights"}, "watch: must be one of none, gradients"),
    ],
)
def test_mistakes_in_its_options(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        TrainConfig.build({"data": "d.yaml", **options})
    assert any(problem in one for one in error.value.problems)


def test_a_store_of_ones_own_may_be_named(tmp_path: Path) -> None:
    """Several runs in one store, which is what people compare."""
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    store = tmp_path / "all"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        record = make_record(1, log=["mlflow"], mlflow_uri=str(store), log_project="parts")
        record.id, record.state = name, "complete"
        RunLog(record, tmp_path / name, print).close(record)
    client = MlflowClient(store.as_uri())
    experiment: Any = client.get_experiment_by_name("parts")
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in runs} == {"a", "b"}


def test_a_server_that_is_not_there_is_told_soon(tmp_path: Path) -> None:
    """MLflow alone would try for minutes."""
    record = make_record(1, log=["mlflow"], mlflow_uri="http://127.0.0.1:9")
    told: list[Any] = []
    RunLog(record, tmp_path, told.append)
    assert len(told) == 2, "where it goes, and that nobody answers"
    assert "127.0.0.1" in told[1].message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"log": ["mlflow"], "mlflow_uri": "https://a.b"}, "sends .* to https://a.b"),
        ({"log": ["mlflow"], "mlflow_uri": "/srv/store"}, "writes .* to /srv/store"),
        ({"log": ["wandb"], "wandb_online": True}, "sends .* to its server"),
    ],
)
def test_where_it_goes_beside_the_run_is_told_before_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], words: str
) -> None:
    """A run that is resumed may be another's."""
    told: list[Any] = []

    def begin(*_given: object) -> Failing:
        assert len(told) == 1
        return Failing()

    use(monkeypatch, begin)
    RunLog(make_record(1, **options), tmp_path, told.append)
    assert re.search(words, told[0].message)


def test_of_what_stays_in_the_runs_folder_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, lambda *_given: Failing())
    told: list[Any] = []
    RunLog(make_record(1, log=["mlflow", "wandb", "tensorboard"]), tmp_path, told.append)
    assert told == []
