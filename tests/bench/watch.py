"""What ``--watch gradients`` and the loggers cost: A B A B, seconds of epochs and CPU time.

    python tests/bench/watch.py DATA.yaml WEIGHTS [--rounds 2] [--epochs 4] [--imgsz 320]

One epoch of each run is not counted, in which torch warms up. ``--json`` prints one line.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from pathlib import Path
from statistics import median

import yolokit

VARIANTS: dict[str, dict[str, object]] = {
    "plain": {},
    "--watch gradients": {"watch": "gradients"},
    "all three loggers": {"log": ("tensorboard", "mlflow", "wandb")},
}


def cpu_s() -> float:
    """CPU time of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Run all variants in turn, so that other work on the machine meets each alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("weights")
    for name, default in (("--rounds", 2), ("--epochs", 4), ("--imgsz", 320)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--fraction", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    for _ in range(given.rounds):
        for name, options in VARIANTS.items():
            with tempfile.TemporaryDirectory() as folder:
                before = cpu_s()
                run = yolokit.train_model(
                    given.data, weights=given.weights, out=Path(folder) / "run",
                    epochs=given.epochs, imgsz=given.imgsz, fraction=given.fraction,
                    device="cpu", validate=False,
                    **options,  # type: ignore[arg-type]
                )  # fmt: skip
                epochs = [one.seconds - (one.val_s or 0) for one in run.record.epochs[1:]]
                found[name].append((median(epochs), cpu_s() - before))
    table = {
        name: {"epoch_s": [round(s, 3) for s, _ in runs], "cpu_s": [round(c, 1) for _, c in runs]}
        for name, runs in found.items()
    }
    if given.json:
        print(json.dumps(table))
        return
    for name, row in table.items():
        print(f"{name:20} epoch {row['epoch_s']} s, CPU of the run {row['cpu_s']} s")


if __name__ == "__main__":
    main()
