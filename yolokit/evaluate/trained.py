"""What the training run measured of a model, where that was the same split of the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.datasets.check import hash_labels
from yolokit.errors import DataError
from yolokit.metrics.fitness import DEFAULT, parse_fitness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.datasets.data_yaml import DataYaml

RECORD = "run.json"
_SPLIT = "val"  # what training measures on
_METRICS = {"mAP50", "mAP50-95"}
Validation = Literal["deployed", "rectangles"]


class TrainedFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of an epoch, as training measured them in torch.

    Attributes:
        record: The ``run.json`` that states them.
        weights: The checkpoint that the model was exported from, such as ``best.pt``.
        epoch: The epoch whose weights that has; 0 for the start.
        map50: Mean average precision at IoU 0.50.
        map50_95: Its mean over IoU 0.50 to 0.95.
        recall_at: As in ``BoxMetrics``, where the run was judged by it.
        precision: What was computed in, such as ``bf16``; None where the record does not tell.
        validation: As in ``engine_protocol.training.UsedSettings``.
    """

    record: str
    weights: str
    epoch: int
    map50: float
    map50_95: float
    recall_at: dict[str, float] = msgspec.field(default_factory=dict)
    precision: str | None = None
    validation: Validation = "rectangles"


class _Epoch(msgspec.Struct, frozen=True):
    epoch: int
    metrics: dict[str, float]


class _Stop(msgspec.Struct, frozen=True):
    epoch: int
    best: int | None = None


class _Used(msgspec.Struct, frozen=True):
    validation: Validation = "rectangles"


class _Data(msgspec.Struct, frozen=True):
    sha256: str
    names: list[str] = []


class _Config(msgspec.Struct, frozen=True):
    fitness: str = DEFAULT
    imgsz: int | None = None


class RunFacts(msgspec.Struct, frozen=True):
    """The part of a ``run.json`` that matters here."""

    data: _Data
    epochs: list[_Epoch]
    stopped: _Stop
    outputs: dict[str, str]
    start_epoch: _Epoch | None = None
    precision: str | None = None
    used: _Used | None = None
    config: _Config = _Config()

    def list_checkpoints(self) -> Iterator[tuple[str, _Epoch]]:
        """Yield the checkpoints of the run with the epochs whose weights they have."""
        wanted = (("best.pt", self.stopped.best), ("last.pt", self.stopped.epoch))
        epochs = {one.epoch: one for one in (self.start_epoch, *self.epochs) if one is not None}
        for weights, epoch in wanted:
            if epoch in epochs:
                yield weights, epochs[epoch]


def find_trained(
    model: Path, weights_sha256: str, data: DataYaml, split: str
) -> TrainedFigures | None:
    """Return what the run measured whose ``run.json`` lies beside an exported model.

    None where there is none, it did not make the checkpoint with this hash, or its validation
    split or its labels are not those that are measured on now.
    """
    run = read_run(model.parent / RECORD)
    if run is None or split != _SPLIT or not _is_same(data, run):
        return None
    for weights, epoch in run.list_checkpoints():
        if run.outputs.get(weights) == weights_sha256 and epoch.metrics.keys() >= _METRICS:
            return TrainedFigures(
                record=str(model.parent / RECORD),
                weights=weights,
                epoch=epoch.epoch,
                map50=epoch.metrics["mAP50"],
                map50_95=epoch.metrics["mAP50-95"],
                recall_at=_read_recall(run, epoch),
                precision=run.precision,
                validation=(run.used or _Used()).validation,
            )
    return None


def _read_recall(run: RunFacts, epoch: _Epoch) -> dict[str, float]:
    try:
        fitness = parse_fitness(run.config.fitness)
    except ValueError:  # of a later version
        return {}
    known = fitness.min_precisions if fitness.name in epoch.metrics else ()
    return {f"{share:g}": epoch.metrics[fitness.name] for share in known}


def read_run(record: Path) -> RunFacts | None:
    """Return the record of a run that has ended; None where there is none.

    It may also have not ended, or be somebody else's file of that name.
    """
    try:
        return msgspec.json.decode(record.read_bytes(), type=RunFacts)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_same(data: DataYaml, run: RunFacts) -> bool:
    try:
        return hash_labels(data) == run.data.sha256
    except DataError:  # a split that cannot be listed, so not the data of then
        return False
