"""What to try after a run, and the commands that come next."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.machine import usable_cores
from yolokit.core.units import describe_share
from yolokit.engine_protocol.training import advise_more_steps
from yolokit.metrics.fitness import MAP50_95
from yolokit.train.run_folder import resume_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from yolokit.train.record import RunRecord
    from yolokit.train.report.baseline import Baseline
    from yolokit.train.report.verdict import CurveVerdict, Kind

_FEW_STEPS = 100
_MANY_WAITS = 0.15
_ENOUGH_EPOCHS = 20


def list_advice(
    record: RunRecord, verdict: CurveVerdict, baseline: Baseline, run_dir: Path
) -> list[str]:
    """Return what to try next, the most promising first; commands stand in backticks."""
    advice = []
    if record.state != "complete" and (run_dir / "last.pt").is_file():
        advice.append(f"Go on where it ended: `{resume_command(run_dir)}`.")
    if baseline.kind == "worse":
        advice.append("Disturb the start less: `--lr 0.0001`.")
    advice += _BY_KIND[verdict.kind](record, run_dir)
    share = share_waiting(record)
    if share is not None and share > _MANY_WAITS:
        advice.append(
            f"{describe_share(share, 1)} of the time of training went into waiting for images: "
            f"{_advise_waiting(record)}."
        )
    return advice


def _advise_waiting(record: RunRecord) -> str:
    """Return what makes images come faster, of what this run has not done already."""
    workers = record.used.workers if record.used is not None else 0
    ways = []
    if record.config.cache == "none":
        ways.append("`--set cache=ram` keeps them decoded, where memory is large enough")
    if workers < usable_cores() - 1:
        ways.append(f"`--set workers={max(1, 2 * workers)}` loads them in more processes")
    ways.append(f"files of about {record.config.imgsz} px on their long side are quicker to decode")
    return "; ".join(ways)


def share_waiting(record: RunRecord) -> float | None:
    """Return the share of the time of training spent waiting for images; None if not recorded."""
    known = [epoch for epoch in record.epochs if epoch.wait_s is not None]
    seconds = sum(epoch.seconds - (epoch.val_s or 0) for epoch in known)
    return sum(epoch.wait_s or 0 for epoch in known) / seconds if seconds > 0 else None


def list_next(record: RunRecord, run_dir: Path) -> list[tuple[str, str]]:
    """Return the commands that come after a run, each with what it does."""
    best = run_dir / "best.pt"
    if not best.is_file():
        return []
    data, model = show_path(record.config.data), show_path(best.with_suffix(".onnx"))
    return [
        (
            f"yolokit export {show_path(best)} --data {data}",
            "writes the model as one ONNX file, once it is proved equal to what was trained",
        ),
        (
            f"yolokit val {model} --data {data}",
            "measures that file class by class",
        ),
        (
            f"yolokit predict {model} PICTURES",
            "finds objects in pictures and videos of your own",
        ),
    ]


def show_path(path: str | os.PathLike[str]) -> str:
    """Return a path as it is typed in a shell, relative where it is below the working folder."""
    return shlex.quote(relative_path(path))


def relative_path(path: str | os.PathLike[str]) -> str:
    """Return a path relative to the working folder, where it is below it; else as it is."""
    text = os.fspath(path)
    if Path(text).is_absolute() and Path(text).is_relative_to(Path.cwd()):
        return os.fspath(Path(text).relative_to(Path.cwd()))
    return text


def _go_on(record: RunRecord, run_dir: Path, epochs: int) -> str:
    """Return the command that trains on from the best epoch.

    Where classes were added it is the same command: from best.pt, old classes would be trained too.
    """
    config = record.config
    weights = config.weights if config.add_classes else show_path(run_dir / "best.pt")
    judged = "" if record.fitness == MAP50_95 else f" --fitness {config.fitness}"
    return (
        f"`yolokit train --data {show_path(config.data)} "
        f"--weights {weights}{' --add-classes' * config.add_classes} --epochs {epochs} "
        f"--imgsz {config.imgsz}{judged}`"
    )


def _advise_improving(record: RunRecord, run_dir: Path) -> Iterator[str]:
    epochs = record.config.epochs
    if record.state == "complete":
        yield f"Train longer: the same command with `--epochs {2 * epochs}`."
        yield f"Or go on from the best epoch: {_go_on(record, run_dir, epochs)}."


def _advise_converged(record: RunRecord, _run_dir: Path) -> Iterator[str]:
    yield (
        "More epochs will hardly help. More training images do, above all of what the worst "
        "images in report.html have in common."
    )
    yield (
        "If small objects are missed, train at a higher resolution: "
        f"`--imgsz {record.config.imgsz * 3 // 2 // 32 * 32}`."
    )


def _advise_over_fitting(record: RunRecord, _run_dir: Path) -> Iterator[str]:
    best = record.best
    if best is not None and best.epoch:
        yield f"Use best.pt: it has the weights of epoch {best.epoch}, the best one on val."
    yield "More, and more varied, training images are the cure."
    if record.config.weights != "none" and not record.config.freeze:
        yield "With few images, leave the backbone as it is: `--freeze backbone`."
    yield "More augmentation: `--set mixup=0.1 --set degrees=10`."


def _advise_unstable(record: RunRecord, _run_dir: Path) -> Iterator[str]:
    used = record.used
    rate = f"{used.lr0 / 3:.1g}" if used is not None else "0.0003"
    yield f"Smaller steps: `--lr {rate}`."
    if record.precision not in (None, "fp32"):
        yield "Full precision: `--set precision=fp32`."
    if record.batch is not None and record.batch < 16:
        yield "A larger batch makes each step surer: `--batch 16`."


def _advise_nothing_learnt(record: RunRecord, _run_dir: Path) -> Iterator[str]:
    data = show_path(record.config.data)
    yield f"See whether the labels are where the objects are: `yolokit data show {data}`."
    if record.config.weights == "none" and record.config.init is None:
        yield "Start from a trained model, which needs far fewer images: `--weights yolo26n`."
    yield from _advise_steps(record)


def _advise_too_little(record: RunRecord, run_dir: Path) -> Iterator[str]:
    if not record.config.validate:
        yield "Validate after every epoch: `--set validate=true`."
    elif record.state == "complete" and record.best is not None and record.best.metrics:
        epochs = max(2 * record.config.epochs, _ENOUGH_EPOCHS)
        yield f"Train longer: {_go_on(record, run_dir, epochs)}."
    yield from _advise_steps(record)
    if record.data.boxes.get("val", 0) < 100:
        yield "Label more images of val: a verdict is as good as what it is measured on."


def _advise_steps(record: RunRecord) -> Iterator[str]:
    if record.used is not None and record.used.steps < _FEW_STEPS:
        more = advise_more_steps(record.used)
        yield f"The optimizer made few steps: {record.used.steps} in all; {more}."


_BY_KIND: Mapping[Kind, Callable[[RunRecord, Path], Iterator[str]]] = {
    "improving": _advise_improving,
    "converged": _advise_converged,
    "over-fitting": _advise_over_fitting,
    "unstable": _advise_unstable,
    "nothing-learnt": _advise_nothing_learnt,
    "too-little": _advise_too_little,
}
