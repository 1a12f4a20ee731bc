"""Epochs an hour on a CPU, and the mAP reached: ``yolokit train`` beside ``yolo detect train``.

Both train from the same start on the same data set, with the same batch and number of epochs, for
each seed in turn (A B A B ...), validated by each side's own code after every epoch. Both best.pt
are then exported by ``yolokit export`` and measured by ``yolokit val``, so that the two mAP are of
deployed files and found alike. The first epoch of a run warms up and is not timed.

With ``--work DIR`` what is done is kept there, and the same command goes on after an interruption.

Usage: python tests/bench/train.py data.yaml [--weights FILE] [--epochs 4] [--imgsz 320]
       [--seeds 0 1 2] [--split val] [--work DIR] [--json]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _measure import machine

from yolokit.core.privacy import engine_variables

SIDES = ("yolokit", "yolo")
_UPSTREAM = """
import sys
from ultralytics import YOLO
model, data, epochs, imgsz, seed, project = sys.argv[1:]
YOLO(model).train(
    data=data, epochs=int(epochs), imgsz=int(imgsz), batch=16, device="cpu", seed=int(seed),
    plots=False, project=project, name="run", exist_ok=True, patience=0,
)
"""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data.yaml of a YOLO data set")
    parser.add_argument("--weights", type=Path, help="start of both; else yolo11n from nothing")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", default="val", help="what the final models are measured on")
    parser.add_argument("--work", type=Path, help="folder to keep results in, and to go on from")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="yolokit-train-") as scratch:
        work = (options.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        rows = [measure_once(side, seed, options, work) for seed in options.seeds for side in SIDES]
    result = summarize(rows)
    if options.json:
        print(json.dumps({"benchmark": "train", "machine": machine(), **result, "runs": rows}))
        return
    print(f"train: {machine()}")
    print("seed  side     s/epoch  CPU s/epoch  epochs/h  mAP50-95  mAP50")
    for row in rows:
        print(
            f"{row['seed']:4}  {row['side']:7}  {row['epoch_s']:7.2f}  {row['cpu_epoch_s']:11.2f}  "
            f"{3600 / row['epoch_s']:8.0f}  {row['map50_95']:8.4f}  {row['map50']:6.4f}"
        )
    print(
        f"yolokit makes {result['speed']:.2f} times the epochs of yolo in an hour "
        f"({result['speed_min']:.2f}..{result['speed_max']:.2f}); mAP50-95 "
        f"{result['map_yolokit']:.4f} against {result['map_yolo']:.4f}, by seed "
        + ", ".join(f"{difference:+.4f}" for difference in result["map_differences"])
    )


def measure_once(side: str, seed: int, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Train and measure one side with one seed, or return what was found earlier.

    Raises:
        RuntimeError: A command failed, or the folder has results of other options.
    """
    task = {
        "side": side, "seed": seed, "data": str(options.data.resolve()), "split": options.split,
        "weights": str(options.weights.resolve()) if options.weights else None,
        "epochs": options.epochs, "imgsz": options.imgsz,
    }  # fmt: skip
    kept = work / f"{side}-{seed}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        if {name: found[name] for name in task} != task:
            raise RuntimeError(f"{kept} is of other options: choose another --work")
        return found
    print(f"seed {seed}: {side}", file=sys.stderr, flush=True)
    run = work / f"{side}-{seed}"
    shutil.rmtree(run, ignore_errors=True)
    used_s = os.times()
    best, times_s = (_train_ours if side == "yolokit" else _train_theirs)(task, run, work)
    now_s = os.times()
    cpu_s = now_s.children_user + now_s.children_system
    cpu_s -= used_s.children_user + used_s.children_system
    row = task | {
        "epoch_s": statistics.median(times_s),
        "cpu_epoch_s": cpu_s / options.epochs,
        **_measure_file(best, task, run),
    }
    kept.write_text(json.dumps(row))
    return row


def _train_ours(task: dict[str, Any], run: Path, _work: Path) -> tuple[Path, list[float]]:
    config = run.with_suffix(".yaml")
    config.write_text("patience: 0\n")
    start = ("--weights", task["weights"]) if task["weights"] else ("--arch", "yolo11n")
    _run(
        "-m", "yolokit", "train", "--data", task["data"], *start, "--epochs", task["epochs"],
        "--imgsz", task["imgsz"], "--batch", 16, "--device", "cpu", "--seed", task["seed"],
        "--config", config, "--out", run,
    )  # fmt: skip
    epochs = json.loads((run / "run.json").read_text())["epochs"]
    return run / "best.pt", [epoch["seconds"] for epoch in epochs[1:]]


def _train_theirs(task: dict[str, Any], run: Path, work: Path) -> tuple[Path, list[float]]:
    _run(
        "-c", _UPSTREAM, task["weights"] or "yolo11n.yaml", task["data"], task["epochs"],
        task["imgsz"], task["seed"], run, env=engine_variables(work / "config"),
    )  # fmt: skip
    rows = csv.DictReader((run / "run" / "results.csv").open())
    ends = [float(row["time"]) for row in rows]
    return run / "run" / "weights" / "best.pt", [b - a for a, b in pairwise(ends)]


def _measure_file(best: Path, task: dict[str, Any], run: Path) -> dict[str, float]:
    """Return the metrics of a checkpoint's exported file."""
    model = run / "measured.onnx"
    size = ("--imgsz", task["imgsz"])
    _run("-m", "yolokit", "export", best, "--data", task["data"], *size, "--out", model)
    said = _run(
        "-m", "yolokit", "val", model, "--data", task["data"], "--split", task["split"],
        "--provider", "cpu", "--json",
    )  # fmt: skip
    overall = json.loads(said)["overall"]
    return {name: overall[name] for name in ("map50_95", "map50")}


def _run(*command: object, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True, text=True, check=False, env=os.environ | (env or {}),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command[:3]))}: {done.stderr[-2000:]}")
    return done.stdout


def summarize(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how the two sides compare: ratios and differences within each seed."""
    by_side = {side: [row for row in rows if row["side"] == side] for side in SIDES}
    pairs = list(zip(by_side["yolokit"], by_side["yolo"], strict=True))
    speeds = [theirs["epoch_s"] / ours["epoch_s"] for ours, theirs in pairs]
    scores = {side: [row["map50_95"] for row in by_side[side]] for side in SIDES}
    return {
        "speed": statistics.median(speeds),
        "speed_min": min(speeds),
        "speed_max": max(speeds),
        "map_yolokit": statistics.mean(scores["yolokit"]),
        "map_yolo": statistics.mean(scores["yolo"]),
        "map_differences": [ours["map50_95"] - theirs["map50_95"] for ours, theirs in pairs],
    }


if __name__ == "__main__":
    main()
