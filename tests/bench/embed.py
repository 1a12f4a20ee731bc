"""What the parts inside a file cost: a plain file and files with parts, image in, boxes out.

    python -m tests.bench.embed best.onnx best.pre.onnx best.pre-nms.onnx --image photo.jpg

Each file runs in turn, round by round, from the decoded image to its boxes, so that a plain file
counts its own letterbox and suppression in Python. One more line is the letterbox alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps(found))
        return
    first = next(iter(found.values()))["p50_ms"]
    for name, figures in found.items():
        spread = f"{figures['rounds_ms'][0]:.2f} ... {figures['rounds_ms'][-1]:.2f}"
        print(f"{name:28} {figures['p50_ms']:8.2f} ms  {figures['p50_ms'] / first:5.2f}x  {spread}")


def measure(options: Any) -> dict[str, Any]:
    """Return for each file the median of its rounds' medians, and those, ascending."""
    from yolokit.images.files import read_image
    from yolokit.runtime.detector import Detector

    bgr = read_image(options.image)
    detectors = {
        path.name: Detector.load(path, provider=options.provider, threads=options.threads)
        for path in options.models
    }
    tasks: dict[str, Any] = dict(detectors)
    tasks["letterbox in Python"] = next(iter(detectors.values())).preprocess
    rounds: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task(bgr)
    for _ in range(options.rounds):
        for name, task in tasks.items():
            times_ms = []
            for _ in range(options.runs):
                start_s = time.perf_counter()
                task(bgr)
                times_ms.append((time.perf_counter() - start_s) * 1e3)
            rounds[name].append(float(np.median(times_ms)))
    return {
        name: {"p50_ms": float(np.median(one)), "rounds_ms": sorted(one)}
        for name, one in rounds.items()
    }


if __name__ == "__main__":
    main()
