"""``best.yaml``, the options of the best trial as a preset, and ``trials.csv``, all as a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.plural import counted
from yolokit.files.atomic import write_atomic
from yolokit.jobs.tune.trial import fill_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.tune.search import Search
    from yolokit.jobs.tune.study import Trial
    from yolokit.jobs.tune.trial import Given

BEST_NAME = "best.yaml"
TABLE_NAME = "trials.csv"
_COLUMNS = ("number", "state", "score", "epochs", "seconds")
# What a preset does not state, and what belongs to a machine or to one run.
_LEFT_OUT = {
    "data", "preset", "trust", "allow", "offline", "require_hash", "device", "workers", "seed",
    "nnodes", "rdzv", "log", "log_project", "mlflow_uri", "wandb_online", "watch",
}  # fmt: skip


def write_best(
    best: Trial, trials: Sequence[Trial], search: Search, given: Given, folder: Path
) -> Path:
    """Write the options of the best trial, so that ``train --preset`` or ``--config`` takes them.

    Args:
        best: The trial.
        trials: All trials.
        search: What was varied.
        given: What the user stated.
        folder: Folder of the search.
    """
    stated = fill_options(given, best).values
    score = f"{search.fitness} {best.score:.4f} on val{_compare(best, trials[0])}"
    lines = [
        f"# The best of {counted(len(trials), 'trial')} of `yolokit tune`, number {best.number}:",
        f"# {score}.",
        "# For `yolokit train --preset FILE`; what is stated beside it wins.",
        "",
        *(
            f"{name}: {_write(name, value)}{_explain(name, search)}"
            for name, value in stated.items()
            if name not in _LEFT_OUT and value is not None
        ),
    ]
    path = folder / BEST_NAME
    write_atomic(path, ("\n".join(lines) + "\n").encode())
    return path


def _compare(best: Trial, own: Trial) -> str:
    if best.number == own.number:
        return ", with your own options"
    return "" if own.score is None else f"; your own options had {own.score:.4f}"


def _explain(name: str, search: Search) -> str:
    return f"  # tried: {search.space[name]}" if name in search.space else ""


def _write(name: str, value: Any) -> str:
    """Return a value of YAML; a text is quoted as JSON quotes it, which YAML reads."""
    if name in ("weights", "arch") and Path(str(value)).is_file():
        value = str(Path(value).resolve())
    return msgspec.json.encode(value).decode()


def write_table(trials: Sequence[Trial], search: Search, folder: Path) -> Path:
    """Write all trials as a table, one row each.

    Of the first one there are those of the user's own values that lie in the space.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*_COLUMNS, *search.space))
    for trial in trials:
        values = [trial.values.get(name) for name in search.space]
        table.writerow([*(getattr(trial, name) for name in _COLUMNS), *values])
    path = folder / TABLE_NAME
    write_atomic(path, text.getvalue().encode())
    return path
