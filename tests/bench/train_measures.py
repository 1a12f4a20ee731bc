"""What each measure that makes training on a CPU faster brings: yolokit with it, and without.

All variants train yolo11n on the same data set with the same seed, batch and number of epochs,
in turn (A B A B ...). The figure is seconds an epoch without validation, unless the measure is one
of validation; the first epoch warms up and is not counted. CPU seconds are those of all processes
of a command, start included.

Usage: python tests/bench/train_measures.py data.yaml [--imgsz 320] [--epochs 4] [--rounds 3]
       [--only NAME ...] [--weights FILE] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _measure import machine

# Python runs this at every start; it takes one of our measures away, in the engine alone.
_WITHOUT = """
import importlib.machinery, os, sys

EDITS = {
    "channels_last": ("torch", lambda m: setattr(m, "channels_last", m.contiguous_format)),
    "ema": ("ultralytics.utils.torch_utils", lambda m: setattr(m, "TORCH_2_0", False)),
    "events": ("yolokit.engine.process", lambda m: setattr(m, "send", quiet(m.send))),
}

def quiet(send):
    return lambda event: None if type(event).__name__ == "BatchEnd" else send(event)

class Finder:
    def find_spec(self, name, path=None, target=None):
        wanted, edit = EDITS[os.environ["BENCH_WITHOUT"]]
        if name != wanted:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def exec_module(module):
            execute(module)
            edit(module)
        spec.loader.exec_module = exec_module
        return spec

if any(word.startswith("yolokit.engine") for word in sys.orig_argv):
    sys.meta_path.insert(0, Finder())
"""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        name: What the table calls it.
        config: Settings for ``--config``.
        options: Options of the command.
        without: Which edit takes a measure away.
        base: The variant that it is compared with.
        validation: Whether the whole epoch counts, with its validation.
    """

    name: str
    config: str = ""
    options: tuple[str, ...] = ()
    without: str | None = None
    base: str = "as it is"
    validation: bool = False


_PLAIN = "patience: 0\n"
_FROZEN = ("--freeze", "backbone")
VARIANTS = (
    Variant("as it is"),
    Variant("fp32 in place of bf16", config="precision: fp32\n"),
    Variant("without channels_last", without="channels_last"),
    Variant("1 loader process", config="workers: 1\n"),
    Variant("2 loader processes", config="workers: 2\n"),
    Variant("cache: ram", config="cache: ram\n"),
    Variant("EMA tensor by tensor", without="ema"),
    Variant("no event a batch", without="events"),
    Variant("with its validation", validation=True),
    Variant("validate: false", config="validate: false\n", base="with its validation",
            validation=True),
    Variant("frozen backbone", options=_FROZEN),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One training: seconds an epoch, and CPU seconds of all of it."""

    epoch_s: float
    cpu_s: float


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data.yaml of a YOLO data set")
    parser.add_argument("--weights", default=None, help="start; freezing needs one")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=None, help="names of variants")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    variants = [each for each in VARIANTS if _is_wanted(each, options)]
    runs: dict[str, list[Run]] = {variant.name: [] for variant in variants}
    with tempfile.TemporaryDirectory(prefix="yolokit-measures-") as scratch:
        (Path(scratch) / "sitecustomize.py").write_text(_WITHOUT)
        for number in range(options.rounds):
            for variant in variants:
                print(f"round {number + 1}/{options.rounds}: {variant.name}", file=sys.stderr)
                runs[variant.name].append(train(variant, options, Path(scratch)))
    rows = [_row(variant, runs) for variant in variants]
    if options.json:
        print(json.dumps({"benchmark": "train_measures", "machine": machine(), "rows": rows}))
        return
    print(f"train_measures: {machine()}")
    width = max(len(row["name"]) for row in rows)
    print(f"{'variant':{width}}  s/epoch  CPU s  x base")
    for row in rows:
        ratio = f"{row['ratio']:.3f} ({row['ratio_min']:.3f}..{row['ratio_max']:.3f})"
        print(f"{row['name']:{width}}  {row['epoch_s']:7.2f}  {row['cpu_s']:5.0f}  {ratio}")


def train(variant: Variant, options: argparse.Namespace, scratch: Path) -> Run:
    """Train once, in a fresh process and folder.

    Raises:
        RuntimeError: It failed.
    """
    run, config = scratch / "run", scratch / "config.yaml"
    shutil.rmtree(run, ignore_errors=True)
    config.write_text(_PLAIN + variant.config)
    start = ["--weights", options.weights] if options.weights else ["--arch", "yolo11n"]
    command = [
        sys.executable, "-m", "yolokit", "train", "--data", str(options.data), *start,
        "--epochs", str(options.epochs), "--imgsz", str(options.imgsz), "--batch", "16",
        "--device", "cpu", "--config", str(config), "--out", str(run), *variant.options,
    ]  # fmt: skip
    edits = {"PYTHONPATH": str(scratch), "BENCH_WITHOUT": variant.without}
    before = _cpu_s()
    done = subprocess.run(
        ["env", *(f"{name}={value}" for name, value in edits.items() if variant.without), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{variant.name}: {done.stderr[-2000:]}")
    epochs = json.loads((run / "run.json").read_text())["epochs"][1:]
    seconds = [_count(epoch, validation=variant.validation) for epoch in epochs]
    return Run(statistics.median(seconds), _cpu_s() - before)


def _count(epoch: dict[str, Any], *, validation: bool) -> float:
    return float(epoch["seconds"] - (0 if validation else epoch["val_s"]))


def _is_wanted(variant: Variant, options: argparse.Namespace) -> bool:
    if variant.options == _FROZEN and not options.weights:
        return False
    needed = options.only is None or variant.name in options.only
    return needed or any(
        each.base == variant.name for each in VARIANTS if each.name in options.only
    )


def _row(variant: Variant, runs: dict[str, list[Run]]) -> dict[str, Any]:
    pairs = zip(runs[variant.name], runs[variant.base], strict=True)
    ratios = [mine.epoch_s / base.epoch_s for mine, base in pairs]
    return {
        "name": variant.name,
        "base": variant.base,
        "epoch_s": statistics.median(run.epoch_s for run in runs[variant.name]),
        "cpu_s": statistics.median(run.cpu_s for run in runs[variant.name]),
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
