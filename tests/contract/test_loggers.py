"""Every logger that is discovered keeps the same promises, as read back from its files.

Each library reads its own: TensorBoard's EventAccumulator, MLflow's client, ``wandb leet inspect``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.conftest import ROOT
from tests.samples.runs import make_epoch, make_record
from tests.samples.wandb_file import read_offline
from yolokit.core.extras import install_command
from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.train.config.logs import LOGGERS
from yolokit.train.run_log import RunLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.core.events import Event
    from yolokit.train.record import RunRecord

NAMES = list_plugins(LOGGERS)


class Read(msgspec.Struct):
    """What is found in the files of a logger."""

    runs: int
    scores: list[tuple[int, float]]
    losses: list[tuple[int, float]]
    result: dict[str, str]
    state: str


def read_tensorboard(run_dir: Path) -> Read:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board: Any = EventAccumulator(str(run_dir / "tensorboard")).Reload()

    def scalars(tag: str) -> list[tuple[int, float]]:
        # Sorted, since files of the same second have no order; a step twice would be here twice.
        return sorted((one.step, round(one.value, 4)) for one in board.Scalars(tag))

    text = board.Tensors("result")[-1].tensor_proto.string_val[0].decode()
    cells = [line.strip("| ").split(" | ") for line in text.splitlines()[2:]]
    result = {name: value.strip("`") for name, value in cells}
    sessions = [tag for tag in board.Tags()["tensors"] if "session_start_info" in tag]
    return Read(
        len(board.Tensors(sessions[0])), scalars("metrics/mAP50-95"),
        scalars("loss/train_box_loss"), result, result["state"],
    )  # fmt: skip


def read_mlflow(run_dir: Path) -> Read:
    from mlflow import MlflowClient

    client = MlflowClient((run_dir / "mlflow").as_uri())
    experiment: Any = client.get_experiment_by_name("yolokit")
    runs = client.search_runs([experiment.experiment_id])

    def history(key: str) -> list[tuple[int, float]]:
        return [
            (one.step, one.value) for one in client.get_metric_history(runs[0].info.run_id, key)
        ]

    assert runs[0].data.params["epochs"] == "100"
    states = {"FINISHED": "complete", "KILLED": "interrupted", "RUNNING": "running"}
    return Read(
        len(runs), history("metrics/mAP50-95"), history("loss/train_box_loss"),
        dict(runs[0].data.tags), states[runs[0].info.status],
    )  # fmt: skip


def read_wandb(run_dir: Path) -> Read:
    found = read_offline(run_dir / "wandb")
    assert found["config"]["epochs"] == 100

    def history(key: str) -> list[tuple[int, float]]:
        return [(step, figures[key]) for step, figures in found["steps"] if key in figures]

    state = "complete" if found["exits"] and not found["exits"][-1] else "interrupted"
    return Read(
        len(found["ids"]), history("metrics/mAP50-95"), history("loss/train_box_loss"),
        found["summary"], state,
    )  # fmt: skip


READERS: dict[str, Callable[[Path], Read]] = {
    "tensorboard": read_tensorboard,
    "mlflow": read_mlflow,
    "wandb": read_wandb,
}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def told() -> list[Event]:
    return []


def open_log(record: RunRecord, run_dir: Path, told: list[Event]) -> RunLog:
    return RunLog(record, run_dir, told.append)


def test_each_is_read_back() -> None:
    assert set(NAMES) == set(READERS)


def test_an_extra_brings_it(name: str) -> None:
    plugin: Any = load_plugin(LOGGERS, name, kind="logger")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert plugin.EXTRA in project["optional-dependencies"]
    assert install_command(plugin.EXTRA)


def test_every_epoch_and_the_end_are_there(name: str, tmp_path: Path, told: list[Event]) -> None:
    record = make_record(log=[name])
    log = open_log(record, tmp_path, told)
    for number in (1, 2, 3):
        record.epochs.append(make_epoch(number))
        log.write(record)
    record.state = "complete"
    log.close(record, "Converged")
    found = READERS[name](tmp_path)
    assert found.scores == [(0, 0.0), (1, 0.01), (2, 0.02), (3, 0.03)]
    assert found.losses == [(1, 2.5), (2, 2.5), (3, 2.5)]
    assert found.state == "complete"
    assert found.result["verdict"] == "Converged"
    assert str(found.result["best_epoch"]) == "3"
    assert told == []


def test_a_name_that_some_refuse_is_spelt_so_that_all_take_it(
    name: str, tmp_path: Path, told: list[Event]
) -> None:
    record = make_record(log=[name], start=False, fitness="recall@0.9")
    log = open_log(record, tmp_path, told)
    for number, recall in ((1, 0.5), (2, 0.25)):
        record.epochs.append(make_epoch(number, **{"recall@0.9": recall}))
        log.write(record)
    record.state = "complete"
    log.close(record)
    assert told == []
    found = READERS[name](tmp_path)
    assert found.scores == [(1, 0.01), (2, 0.02)]
    assert str(found.result["best_epoch"]) == "1"
    assert float(found.result["best_recall_at_0.9"]) == 0.5


def test_a_resumed_run_goes_on_in_the_same_curves(
    name: str, tmp_path: Path, told: list[Event]
) -> None:
    """Interrupted, with an epoch in the record that was never logged, as after a kill."""
    record = make_record(2, log=[name])
    log = open_log(record, tmp_path, told)
    record.state = "interrupted"
    log.close(record)
    assert READERS[name](tmp_path).state == "interrupted"
    record.state = "running"
    record.epochs.append(make_epoch(3))
    log = open_log(record, tmp_path, told)
    record.epochs.append(make_epoch(4))
    log.write(record)
    record.state = "complete"
    log.close(record)
    found = READERS[name](tmp_path)
    assert [step for step, _ in found.scores] == [0, 1, 2, 3, 4]
    assert (found.runs, found.state) == (1, "complete")
    assert told == []


def test_a_killed_run_is_gone_on_with(name: str, tmp_path: Path, told: list[Event]) -> None:
    script = f"""
import os, signal
from pathlib import Path
from tests.samples.runs import make_record
from yolokit.train.run_log import RunLog
RunLog(make_record(2, log=["{name}"]), Path({str(tmp_path)!r}), print)
os.kill(os.getpid(), signal.SIGKILL)
"""
    # Without the helper process of wandb that this one has begun, which tells of itself there.
    own = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=own, check=False)
    record = make_record(3, log=[name])
    log = open_log(record, tmp_path, told)
    record.state = "complete"
    log.close(record)
    found = READERS[name](tmp_path)
    assert [step for step, _ in found.scores] == [0, 1, 2, 3]
    assert found.runs == 1
    assert told == []


def test_text_from_data_stays_text(name: str, tmp_path: Path, told: list[Event]) -> None:
    record = make_record(1, log=[name])
    record.data = msgspec.structs.replace(record.data, names=["<b>|`x`\n| y", "n" * 9000])
    log = open_log(record, tmp_path, told)
    record.state = "complete"
    log.close(record, "Converged")
    assert READERS[name](tmp_path).result["verdict"] == "Converged"
    assert told == []


def test_all_that_it_writes_is_in_the_run(name: str, tmp_path: Path, told: list[Event]) -> None:
    (tmp_path / "run").mkdir()
    record = make_record(1, log=[name])
    open_log(record, tmp_path / "run", told).close(record)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {name}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_importing_it_loads_no_library(name: str) -> None:
    script = f"import sys, yolokit.train.loggers.{name}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"tensorboard", "mlflow", "wandb"} & set(done.stdout.split())
