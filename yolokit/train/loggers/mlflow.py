"""MLflow: a store of files in ``<run>/mlflow``, or where ``mlflow_uri`` says, by its own client.

mlflow-skinny is enough to write; people look at the store with the whole mlflow. Since 3.17 stores
of files have to be allowed by a variable (``core/privacy.py``): MLflow adds nothing to them any
more, and recommends sqlite, which skinny cannot write.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.privacy import quiet_loggers
from yolokit.train.config.logs import is_local_store
from yolokit.train.loggers.toolkit import list_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.train.loggers.toolkit import Value
    from yolokit.train.record import RunRecord

MODULE = EXTRA = "mlflow"
_RUN_TAG = "yolokit.run"
_ALWAYS = "time/seconds"  # every epoch has it, the start too
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # shown as training, not as GenAI
_STATUS = {"complete": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
_MOST_CHARACTERS = 5000  # of a value; MLflow takes 6000 of a parameter, 8000 of a tag


def open_logger(record: RunRecord, run_dir: Path) -> _Run:
    """Begin a run of MLflow, or go on with the one that has our run's id as a tag."""
    quiet_loggers(run_dir)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=_find_store(record.config.mlflow_uri, run_dir))
    project = record.config.log_project
    experiment = client.get_experiment_by_name(project)
    place = (
        experiment.experiment_id if experiment else client.create_experiment(project, tags=_KIND)
    )
    found = client.search_runs([place], f"tags.`{_RUN_TAG}` = '{record.id}'")
    tags = {_RUN_TAG: record.id, "mlflow.source.name": "yolokit train"}
    run = found[0] if found else client.create_run(place, run_name=run_dir.name, tags=tags)
    run_id = run.info.run_id
    client.update_run(run_id, status="RUNNING")
    settings = list_settings(record)
    fresh = {name: one for name, one in settings.items() if name not in run.data.params}
    # A parameter is for good; what a resumption changed is told as a tag.
    changed = {
        f"changed.{name}": one
        for name, one in settings.items()
        if run.data.params.get(name, _shorten(one)) != _shorten(one)
    }
    logged = client.get_metric_history(run_id, _ALWAYS)
    mlflow = _Run(client, run_id, max((metric.step for metric in logged), default=-1))
    mlflow.write(params=fresh, tags=changed)
    return mlflow


def _find_store(uri: str | None, run_dir: Path) -> str:
    """Return the address of a store, which is a folder unless it says something else."""
    if uri is None:
        return (run_dir / "mlflow").as_uri()
    if is_local_store(uri) and not uri.startswith(("file:", "sqlite:")):
        return Path(uri).resolve().as_uri()
    return uri


class _Run:
    def __init__(self, client: Any, run_id: str, last_epoch: int) -> None:
        self._client, self._run_id = client, run_id
        self.last_epoch = last_epoch

    def write(
        self, *, params: Mapping[str, Value] | None = None, tags: Mapping[str, Value] | None = None
    ) -> None:
        from mlflow.entities import Param, RunTag

        self._client.log_batch(
            self._run_id,
            params=[Param(name, _shorten(value)) for name, value in (params or {}).items()],
            tags=[RunTag(name, _shorten(value)) for name, value in (tags or {}).items()],
        )

    def log_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        # The one that says whether an epoch is there comes last.
        names = sorted(figures, key=lambda name: name == _ALWAYS)
        metrics = [Metric(name, figures[name], now_ms, epoch) for name in names]
        self._client.log_batch(self._run_id, metrics=metrics)
        self.last_epoch = epoch

    def close(self, record: RunRecord, result: Mapping[str, Value]) -> None:
        self.write(tags=result)
        self._client.set_terminated(self._run_id, _STATUS[record.state])


def _shorten(value: Value) -> str:
    return str(value)[:_MOST_CHARACTERS]
