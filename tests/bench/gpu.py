"""What can only be seen with an NVIDIA GPU, as one table; ``tests/gpu.sh`` runs this.

Each part is a command in a process of its own and gets what is left of the time; one that fails,
or for which no time is left, has a row that says so.

Usage: python tests/bench/gpu.py SOURCE [--seconds 480] [--json]
       python tests/bench/gpu.py --dry-run      all parts at tiny size on the CPU
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from _measure import machine

from yolokit.core.privacy import engine_variables

if TYPE_CHECKING:
    from collections.abc import Callable

_UPSTREAM = """
import sys
from ultralytics import YOLO
data, epochs, imgsz, batch, device, project = sys.argv[1:]
YOLO("yolo11n.yaml").train(
    data=data, epochs=int(epochs), imgsz=int(imgsz), batch=int(batch), device=device, seed=0,
    amp="bf16" if device != "cpu" else False, plots=False, project=project, name="yolo",
    exist_ok=True, patience=0,
)
"""
_COUNT_GPUS = "import torch; print(torch.cuda.device_count())"
# The gate of an export, in another provider; and how long an image takes there.
_GATE = """
import json, statistics, sys, time
from pathlib import Path
from yolokit.export.gates.parity import Parity
from yolokit.export.gates.toolkit import Candidate
from yolokit.export.tolerances import find_tolerance
from yolokit.files.digest import digest_weights
from yolokit.core.types import Frame
from yolokit.export.samples import load_gate_images
from yolokit.runtime.predictor import Predictor, PredictorSpec
model, weights, provider, log = sys.argv[1:]
predictor = Predictor.load(PredictorSpec(model=model, provider=provider))
named = load_gate_images(Path("data"))
candidate = Candidate(
    model=Path(model), predictor=predictor, weights=Path(weights),
    digest=digest_weights(Path(weights)), trust=False, images=named, log_path=Path(log),
)
verdict = Parity(find_tolerance("fp32")).check(candidate)
_, (tensor,) = predictor.prepare(Frame(named[0][1], 0, None, named[0][0]))
times = []
for number in range(60):
    began = time.perf_counter()
    predictor.infer([tensor])
    times.append((time.perf_counter() - began) * 1000)
record = verdict.record
print(json.dumps({
    "provider": predictor.detector.provider, "verdict": record.verdict,
    "box_px": record.max_raw_box_diff_px, "score": record.max_raw_score_diff,
    "ms": statistics.median(times[10:]),
}))
"""


@dataclass
class Trial:
    """What is run, and what came of it.

    Attributes:
        device: Device of training.
        sizes_px: Sides of the input.
        epochs: Epochs of each training; the first is not counted.
        batch: Images of a batch.
        providers: Those of onnxruntime that are tried.
        folder: Where everything is written.
        until: When the time is up.
        rows: Part, figure and what else there is to say.
    """

    device: str
    sizes_px: tuple[int, ...]
    epochs: int
    batch: int
    providers: tuple[str, ...]
    folder: Path
    until: float
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def run(self, *command: str, env: dict[str, str] | None = None) -> str:
        """Run a command and return its stdout.

        Raises:
            RuntimeError: It failed, or there was no time for it.
        """
        left_s = self.until - time.monotonic()
        if left_s < 1:
            raise RuntimeError("no time left")
        try:
            done = subprocess.run(
                [sys.executable, *command],
                cwd=self.folder, env=os.environ | (env or {}), timeout=left_s,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RuntimeError("no time left") from error
        if done.returncode:
            raise RuntimeError(_last_words(done.stderr))
        return done.stdout

    def try_part(self, name: str, part: Callable[[], tuple[str, str]]) -> None:
        """Add a row with what a part returns, or with why it failed."""
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            figure, said = part()
        except RuntimeError as error:
            figure, said = "failed", str(error)
        self.rows.append((name, figure, f"{said} [{time.monotonic() - began:.0f} s]"))

    def train(self, name: str, size_px: int, *options: str) -> tuple[str, str]:
        """Train with yolokit; return images a second, validation included, and the wait."""
        run = self.folder / name
        self.run(
            "-m", "yolokit", "train", "--data", "data", "--arch", "yolo11n", "--imgsz",
            str(size_px), "--epochs", str(self.epochs), "--batch", str(self.batch),
            *(() if "--device" in options else ("--device", self.device)), "--out", name, *options,
        )  # fmt: skip
        record = json.loads((run / "run.json").read_text())
        counted = record["epochs"][1:]
        seconds = statistics.median(epoch["seconds"] for epoch in counted)
        training = sum(epoch["seconds"] - epoch["val_s"] for epoch in counted)
        wait = sum(epoch["wait_s"] for epoch in counted) / training
        images = record["used"]["images"]
        said = f"{record['precision']}, {seconds:.2f} s an epoch, {wait:.0%} waiting for images"
        return f"{images / seconds:.1f} img/s", said

    def train_upstream(self, size_px: int) -> tuple[str, str]:
        """Train with ``yolo``; return images a second, validation included."""
        project = self.folder / f"upstream-{size_px}"
        self.run(
            "-c", _UPSTREAM, str(self.folder / "data" / "data.yaml"), str(self.epochs),
            str(size_px), str(self.batch), self.device, str(project),
            env=engine_variables(self.folder / "config"),
        )  # fmt: skip
        rows = list(csv.DictReader((project / "yolo" / "results.csv").open()))
        times = [float(row["time"]) for row in rows]
        seconds = statistics.median(b - a for a, b in pairwise(times))
        images = len(list((self.folder / "data" / "images" / "train").iterdir()))
        return f"{images / seconds:.1f} img/s", f"{seconds:.2f} s an epoch"

    def export(self, name: str) -> tuple[str, str]:
        """Export a run's best.pt, as its gate allows."""
        said = self.run("-m", "yolokit", "export", f"{name}/best.pt", "--data", "data", "--json")
        record = json.loads(said)
        return "published", f"gate {record['verdict']} on {record['images']} images"

    def check_provider(self, name: str, provider: str) -> tuple[str, str]:
        """Hold the gate against the file in another provider, and measure its mAP there."""
        said = self.run("-c", _GATE, f"{name}/best.onnx", f"{name}/best.pt", provider, "gate.log")
        found = json.loads(said.splitlines()[-1])
        measured = self.run(
            "-m", "yolokit", "val", f"{name}/best.onnx", "--data", "data", "--provider", provider,
            "--json",
        )  # fmt: skip
        score = json.loads(measured)["overall"]["map50_95"]
        return f"{found['ms']:.2f} ms", (
            f"{found['provider']}: gate {found['verdict']}, raw boxes within "
            f"{found['box_px']:.2g} px, scores {found['score']:.2g}; mAP50-95 {score:.4f} on val"
        )


def main() -> None:
    """Run all parts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", help="data set, in any format that is read")
    parser.add_argument("--seconds", type=float, default=480.0, help="time for everything")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--dry-run", action="store_true", help="tiny, on the CPU")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    if options.source is None and not options.dry_run:
        parser.error("a data set is needed, such as ../shared/data/bccd")
    with tempfile.TemporaryDirectory(prefix="yolokit-gpu-") as scratch:
        trial = _plan(options, Path(scratch))
        _run_parts(trial, options)
    if options.json:
        rows = [dict(zip(("part", "figure", "said"), row, strict=True)) for row in trial.rows]
        print(json.dumps({"benchmark": "gpu", "machine": machine(), "rows": rows}))
        return
    print(f"gpu{' (dry run, on the CPU)' * options.dry_run}: {machine()}")
    width = max(len(row[0]) for row in trial.rows)
    for name, figure, said in trial.rows:
        print(f"{name:{width}}  {figure:>14}  {said}")
    if options.dry_run and any(row[1] == "failed" for row in trial.rows):
        sys.exit(1)


def _plan(options: argparse.Namespace, folder: Path) -> Trial:
    dry = options.dry_run
    return Trial(
        device="cpu" if dry else "0",
        sizes_px=(64, 96) if dry else (320, 640),
        epochs=2 if dry else options.epochs,
        batch=8 if dry else 32,
        providers=("cpu",) if dry else ("cpu", "cuda", "tensorrt"),
        folder=folder,
        until=time.monotonic() + options.seconds,
    )


def _run_parts(trial: Trial, options: argparse.Namespace) -> None:
    trial.try_part("data", lambda: _prepare(trial, options.source))
    first = f"ours-{trial.sizes_px[0]}"
    for size_px in trial.sizes_px:
        trial.try_part(f"yolokit {size_px} px", partial(trial.train, f"ours-{size_px}", size_px))
        trial.try_part(f"yolo {size_px} px", partial(trial.train_upstream, size_px))
    trial.try_part("export", lambda: trial.export(first))
    for provider in trial.providers:
        trial.try_part(f"provider {provider}", partial(trial.check_provider, first, provider))
    gpus = 2 if options.dry_run else int(trial.run("-c", _COUNT_GPUS))
    if gpus >= 2:
        both = "cpu,cpu" if options.dry_run else "0,1"
        size_px = trial.sizes_px[-1]
        trial.try_part(
            f"yolokit {size_px} px on {both}",
            lambda: trial.train("both", size_px, "--device", both),
        )
    else:
        trial.rows.append(("two GPUs", "not run", f"torch sees {gpus}"))
    last = trial.sizes_px[-1]
    if not options.dry_run:  # minutes on a CPU
        trial.try_part(
            f"yolokit {last} px --compile", lambda: trial.train("compiled", last, "--compile")
        )


def _prepare(trial: Trial, source: str | None) -> tuple[str, str]:
    if source is None:
        trial.run("-m", "yolokit", "data", "demo", "--images", "40", "--video-seconds", "0",
                  "--out", "demo")  # fmt: skip
    given = "demo" if source is None else str(Path(source).resolve())
    trial.run("-m", "yolokit", "data", "convert", given, "--out", "data")
    count = len(list((trial.folder / "data" / "images" / "train").iterdir()))
    return f"{count} images", "train split"


def _last_words(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error")]
    return (errors or lines or ["it said nothing"])[-1]


if __name__ == "__main__":
    main()
