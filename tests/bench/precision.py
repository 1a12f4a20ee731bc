"""Exported model x precision x provider: the best beside FP32 on onnxruntime's CPU provider.

    python -m tests.bench.precision WEIGHTS DATA [--max-map-drop 0.01] [--rounds 3] [--json]

Each round is a search of its own in a fresh folder (`yolokit optimize`), whose candidates are timed
in turn with FP32; the table has the median speed-up of the rounds with their spread. To reach:
1.5x at most 0.01 mAP50-95 lost, where the processor has AMX, or AVX-512 with BF16 or VNNI.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any


def search(weights: Path, data: Path, max_map_drop: float) -> Any:
    with tempfile.TemporaryDirectory() as scratch:
        command = ["optimize", weights, "--data", data, "--max-map-drop", max_map_drop]
        command += ["--out", Path(scratch) / "search", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "yolokit", *map(str, command)],
            env={**os.environ, "YOLOKIT_HOME": scratch},  # the machine's own profile stays
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(done.stdout)


def name(place: Any) -> str:
    candidate = place["outcome"]["candidate"]
    recipe, engine = candidate["recipe"], candidate["engine"]
    details = [recipe["precision"]]
    if recipe["precision"] == "int8":
        details += [recipe["placement"], recipe["method"] or ""]
    return f"{' '.join(filter(None, details))} on {engine['provider']} {engine['precision']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--max-map-drop", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rounds = [search(given.weights, given.data, given.max_map_drop) for _ in range(given.rounds)]
    places: dict[str, list[Any]] = defaultdict(list)
    for each in rounds:
        for place in each["ranking"]["places"]:
            places[name(place)].append(place)
    speedups = {key: [one["speedup"] for one in each] for key, each in places.items()}
    order = sorted(speedups, key=lambda key: -statistics.median(speedups[key]))
    print(f"{'candidate':46} {'speed-up':>20} {'lost':>8} {'MB':>6}")
    for key in order:
        low, middle, high = min(speedups[key]), statistics.median(speedups[key]), max(speedups[key])
        lost = [one["drop"] for one in places[key] if one["drop"] is not None]
        size = places[key][0]["outcome"]["size_bytes"] / 1e6
        spread = f"{middle:.2f}x ({low:.2f}..{high:.2f})"
        print(f"{key:46} {spread:>20} {max(lost, default=float('nan')):8.4f} {size:6.1f}")
    winners = [name(each["ranking"]["winner"]) for each in rounds]
    print("winners:", ", ".join(winners))
    if given.json:
        print(json.dumps({"speedups": speedups, "winners": winners}))


if __name__ == "__main__":
    main()
