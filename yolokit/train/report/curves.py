"""The curves of a run as one picture, ``curves.png``.

The picture is drawn in a process of its own: matplotlib keeps settings and a list of fonts in the
home folder, and once it is imported, a program that uses it as well cannot choose another place.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.engine_protocol.child import child_environment
from yolokit.errors import TrainError
from yolokit.files.atomic import replace_file
from yolokit.metrics.fitness import MAP50_95
from yolokit.train.record import EpochRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

_INK = "#1f2430"
_COLORS = ("#2a6fdb", "#e07a1f", "#2f9e63", "#a4458c", "#7a6a00")


def draw_curves(
    epochs: Sequence[EpochRecord], title: str, path: Path, fitness: str = MAP50_95
) -> None:
    """Draw losses, metrics and learning rate over the epochs.

    Args:
        epochs: What was recorded, in order; at least one.
        title: Heading of the picture.
        path: PNG file to write.
        fitness: Name of the metric that epochs were judged by.

    Raises:
        TrainError: It could not be drawn.
    """
    request = msgspec.json.encode(_Request(list(epochs), fitness, title, str(path.absolute())))
    with tempfile.TemporaryDirectory(prefix="yolokit-") as scratch:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=request, env=child_environment(Path(scratch)), capture_output=True, check=False,
        )  # fmt: skip
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise TrainError(f"the curves could not be drawn: {reason or done.returncode}")


class _Request(msgspec.Struct):
    epochs: list[EpochRecord]
    fitness: str
    title: str
    path: str


def _draw(epochs: Sequence[EpochRecord], fitness: str, title: str, path: Path) -> None:
    from matplotlib.figure import Figure

    listed = _list_panels(epochs, fitness)
    panels = {heading: names for heading, names in listed.items() if names}
    figure = Figure(figsize=(3 * len(panels), 3.6), layout="constrained")
    figure.suptitle(title, color=_INK, fontsize=11)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for each, (heading, names) in zip(axes, panels.items(), strict=True):
        for name, color in zip(names, _COLORS, strict=False):
            points = [(e.epoch, e.metrics[name]) for e in epochs if name in e.metrics]
            label = f"{name} (chose best.pt)" if name == fitness != MAP50_95 else name
            each.plot(*zip(*points, strict=True), color=color, label=label, marker=".", ms=4)
        _style(each, heading)
    with replace_file(path) as part:
        figure.savefig(part, dpi=110)


def _list_panels(epochs: Sequence[EpochRecord], fitness: str) -> dict[str, list[str]]:
    """Return the metrics of each panel: those that an epoch has."""
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch.metrics))
    metrics = dict.fromkeys(("mAP50", "mAP50-95", "precision", "recall", fitness))
    return {
        "training loss": [name for name in names if name.startswith("train_")],
        "validation loss": [name for name in names if name.startswith("val_")],
        "validation metrics": [name for name in metrics if name in names],
        "learning rate": [name for name in names if name.startswith("learning_rate")],
    }


def _style(axes: object, heading: str) -> None:
    from matplotlib.axes import Axes
    from matplotlib.ticker import MaxNLocator

    assert isinstance(axes, Axes)
    axes.set_title(heading, fontsize=10, color=_INK)
    axes.set_xlabel("epoch", fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(fontsize=8, frameon=False)
    if heading == "validation metrics":
        axes.set_ylim(0, 1)


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=_Request)
    _draw(asked.epochs, asked.fitness, asked.title, Path(asked.path))
