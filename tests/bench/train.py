"""Seconds an epoch on a CPU, and the mAP reached: ``yolokit train`` beside ``yolo detect train``.

Both train yolo11n from nothing on the same data set, with the same seed, batch and number of
epochs, validated by the same code after every epoch. The first epoch warms up and is not counted.

Usage: python tests/bench/train.py data.yaml [--epochs 4] [--imgsz 320] [--rounds 2] [--json]
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _measure import Result, Side, compare, report

from yolokit.core.privacy import engine_variables

_UPSTREAM = """
import sys
from ultralytics import YOLO
data, epochs, imgsz, project = sys.argv[1:]
YOLO("yolo11n.yaml").train(
    data=data, epochs=int(epochs), imgsz=int(imgsz), batch=16, device="cpu", seed=0, plots=False,
    project=project, name="yolo", exist_ok=True, patience=0,
)
"""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data.yaml of a YOLO data set")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        results, scores = measure(options, Path(scratch))
    report("train", results, base="yolo", unit="s/epoch", as_json=options.json)
    for name, score in scores.items():
        print(f"mAP50-95 of the last {name} run: {score:.4f}", file=sys.stderr)


def measure(options: argparse.Namespace, scratch: Path) -> tuple[list[Result], dict[str, float]]:
    """Train on both sides in turn; return the times and the last scores."""
    run, scores = scratch / "yolokit", {}
    upstream = scratch / "yolo"

    def read_ours(_output: str) -> float:
        epochs = json.loads((run / "run.json").read_text())["epochs"]
        scores["yolokit"] = epochs[-1]["metrics"]["mAP50-95"]
        return float(sum(epoch["seconds"] for epoch in epochs[1:]) / (len(epochs) - 1))

    def read_theirs(_output: str) -> float:
        rows = list(csv.DictReader((upstream / "results.csv").open()))
        scores["yolo"] = float(rows[-1]["metrics/mAP50-95(B)"])
        return (float(rows[-1]["time"]) - float(rows[0]["time"])) / (len(rows) - 1)

    data, epochs, imgsz = str(options.data.resolve()), str(options.epochs), str(options.imgsz)
    ours = Side(
        "yolokit",
        [sys.executable, "-m", "yolokit", "train", "--data", data, "--arch", "yolo11n",
         "--epochs", epochs, "--imgsz", imgsz, "--batch", "16", "--device", "cpu",
         "--out", str(run)],
        before=lambda: shutil.rmtree(run, ignore_errors=True),
        value=read_ours,
    )  # fmt: skip
    theirs = Side(
        "yolo",
        [sys.executable, "-c", _UPSTREAM, data, epochs, imgsz, str(scratch)],
        env=engine_variables(scratch / "config"),
        before=lambda: shutil.rmtree(upstream, ignore_errors=True),
        value=read_theirs,
    )
    return compare([ours, theirs], rounds=options.rounds), scores


if __name__ == "__main__":
    main()
