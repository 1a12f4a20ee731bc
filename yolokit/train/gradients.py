"""``gradients.csv``: what ``--watch gradients`` saw, a row for each layer of each epoch."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

from yolokit.engine_protocol.gradients import Gradients, LayerGradients
from yolokit.errors import TrainError
from yolokit.files.atomic import write_atomic
from yolokit.files.size_limits import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GRADIENTS_NAME = "gradients.csv"


class _Row(msgspec.Struct, frozen=True):
    """A row; the first four are the same for all layers of an epoch."""

    epoch: int
    steps: int
    clipped_steps: int
    not_finite_steps: int
    layer: int
    name: str
    type: str
    mean_norm: float
    max_norm: float
    update_ratio: float | None


class GradientTable:
    """Writes ``gradients.csv`` anew after each epoch, in one step."""

    def __init__(self, run_dir: Path, *, last_epoch: int) -> None:
        """Take up what earlier parts of the run have written, up to their last whole epoch."""
        self._run_dir = run_dir
        self._epochs = [one for one in read_gradients(run_dir) if one.epoch <= last_epoch]

    def write(self, event: Gradients) -> None:
        """Add an epoch."""
        self._epochs = [one for one in self._epochs if one.epoch < event.epoch] + [event]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(_Row.__struct_fields__)
        table.writerows(msgspec.structs.astuple(row) for row in _list_rows(self._epochs))
        write_atomic(self._run_dir / GRADIENTS_NAME, text.getvalue().encode())


def _list_rows(epochs: Iterable[Gradients]) -> Iterable[_Row]:
    for one in epochs:
        for layer in one.layers:
            counts = (one.epoch, one.steps, one.clipped, one.not_finite)
            yield _Row(*counts, *msgspec.structs.astuple(layer))


def read_gradients(run_dir: Path) -> list[Gradients]:
    """Read ``gradients.csv``; nothing where nothing was watched.

    Raises:
        TrainError: It is not as it was written.
    """
    path = run_dir / GRADIENTS_NAME
    if not path.is_file():
        return []
    epochs: dict[int, Gradients] = {}
    try:
        for read in csv.DictReader(io.StringIO(read_bounded(path).decode())):
            given = {name: value for name, value in read.items() if value != ""}
            row = msgspec.convert({"update_ratio": None} | given, _Row, strict=False)
            known = epochs.setdefault(
                row.epoch,
                Gradients(
                    epoch=row.epoch, steps=row.steps, clipped=row.clipped_steps,
                    not_finite=row.not_finite_steps, layers=[],
                ),
            )  # fmt: skip
            known.layers.append(
                LayerGradients(
                    layer=row.layer, name=row.name, type=row.type,
                    mean=row.mean_norm, max=row.max_norm, update_ratio=row.update_ratio,
                )
            )  # fmt: skip
    except (msgspec.ValidationError, UnicodeDecodeError, csv.Error) as error:
        raise TrainError(
            f"{path} is not readable: {error}", hint="remove it: nothing else needs it"
        ) from error
    return list(epochs.values())
