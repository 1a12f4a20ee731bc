"""What the training run measured of a model, where that was the same split of the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.datasets.check import hash_labels
from yolokit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.datasets.data_yaml import DataYaml

RECORD = "run.json"
_SPLIT = "val"  # what training measures on
_BEST = "best.pt"


class TrainedFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of an epoch, as training measured them in torch.

    Attributes:
        record: The ``run.json`` that states them.
        weights: The checkpoint that the model was exported from, such as ``best.pt``.
        epoch: The epoch whose weights that has; 0 for the start.
        map50: Mean average precision at IoU 0.50.
        map50_95: Its mean over IoU 0.50 to 0.95.
        precision: What was computed in, such as ``bf16``; None where the record does not tell.
    """

    record: str
    weights: str
    epoch: int
    map50: float
    map50_95: float
    precision: str | None = None


class _Epoch(msgspec.Struct, frozen=True):
    epoch: int
    metrics: dict[str, float]


class _Stop(msgspec.Struct, frozen=True):
    epoch: int
    best: int | None = None


class _Data(msgspec.Struct, frozen=True):
    sha256: str


class _Run(msgspec.Struct, frozen=True):
    """The part of a ``run.json`` that matters here."""

    data: _Data
    epochs: list[_Epoch]
    stopped: _Stop
    outputs: dict[str, str]
    start_epoch: _Epoch | None = None
    precision: str | None = None


def find_trained(
    model: Path, weights_sha256: str, data: DataYaml, split: str
) -> TrainedFigures | None:
    """Return what the run measured whose ``run.json`` lies beside an exported model.

    None where there is none, it did not make the checkpoint with this hash, or its validation
    split or its labels are not those that are measured on now.
    """
    record = model.parent / RECORD
    if split != _SPLIT or not weights_sha256 or not record.is_file():
        return None
    try:
        run = msgspec.json.decode(record.read_bytes(), type=_Run)
    except (OSError, msgspec.DecodeError):  # not ended, or somebody else's file of that name
        return None
    made = [name for name, sha256 in run.outputs.items() if sha256 == weights_sha256]
    epochs = {one.epoch: one for one in (*run.epochs, run.start_epoch) if one is not None}
    if not made:
        return None
    weights = _BEST if _BEST in made else made[0]
    epoch = epochs.get((run.stopped.best if weights == _BEST else run.stopped.epoch) or 0)
    if epoch is None or not {"mAP50", "mAP50-95"} <= epoch.metrics.keys():
        return None
    try:
        is_same = hash_labels(data) == run.data.sha256
    except DataError:  # another split that cannot be listed: not the data of then
        return None
    if not is_same:
        return None
    return TrainedFigures(
        record=str(record),
        weights=weights,
        epoch=epoch.epoch,
        map50=epoch.metrics["mAP50"],
        map50_95=epoch.metrics["mAP50-95"],
        precision=run.precision,
    )
