"""A folder of 640x480 images: ms an image in the long run, beside ``session.run`` alone.

Start and warm-up are left out on all sides; all use the same model file and as many threads.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from _inputs import add_options, get_model, last_number, upstream_env, write_images
from _measure import Side, compare, parser, report

from yolokit.core.machine import usable_cores

_WARM_UP = 10

_SESSION_RUN = f"""
import sys, time
import numpy as np, onnxruntime
model, threads, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
pixels = np.random.default_rng(0).random((1, 3, 640, 640), np.float32)
for number in range(count):
    if number == {_WARM_UP}:
        start_s = time.perf_counter()
    session.run(None, {{"images": pixels}})
print((time.perf_counter() - start_s) / (count - {_WARM_UP}) * 1e3)
"""

_YOLOKIT = f"""
import sys, time
from yolokit.runtime.config import PredictConfig
from yolokit.runtime.predict import open_job
model, threads, folder, out = sys.argv[1:]
job = open_job(PredictConfig.build({{
    "model": model, "sources": (folder,), "out": out, "save": ("jsonl",), "provider": "cpu",
    "threads": int(threads),
}}))
for done in job.run():
    if done == {_WARM_UP}:
        start_s = time.perf_counter()
print((time.perf_counter() - start_s) / (done - {_WARM_UP}) * 1e3)
"""

_UPSTREAM = f"""
import sys, time
from ultralytics import YOLO
model, folder = sys.argv[1:]
found = YOLO(model, task="detect").predict(folder, stream=True, device="cpu", verbose=False)
for done, result in enumerate(found, 1):
    result.to_json()
    if done == {_WARM_UP}:
        start_s = time.perf_counter()
print((time.perf_counter() - start_s) / (done - {_WARM_UP}) * 1e3)
"""


def main() -> None:
    """Measure and print."""
    options_parser = parser(__doc__ or "", rounds=5)
    add_options(options_parser)
    options_parser.add_argument("--images", type=Path, help="a folder of images to use instead")
    options_parser.add_argument("--threads", type=int, default=usable_cores())
    options_parser.add_argument("--no-upstream", action="store_true", help="leave it out")
    options = options_parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = str(get_model(options, folder))
        images = options.images or write_images(folder / "images", 160)
        count, threads = str(len(list(images.iterdir()))), str(options.threads)
        out = folder / "out"
        sides = [
            Side(
                "session.run alone",
                [sys.executable, "-c", _SESSION_RUN, model, threads, count],
                value=last_number,
            ),
            Side(
                "yolokit predict",
                [sys.executable, "-c", _YOLOKIT, model, threads, str(images), str(out)],
                before=partial(shutil.rmtree, out, ignore_errors=True),
                value=last_number,
            ),
        ]
        if not options.no_upstream:
            sides.append(
                Side(
                    "yolo predict",
                    [sys.executable, "-c", _UPSTREAM, model, str(images)],
                    env=upstream_env(folder),
                    value=last_number,
                    cwd=folder,
                )
            )
        results = compare(sides, rounds=options.rounds)
    report("folder", results, base="session.run alone", unit="ms", as_json=options.json)


if __name__ == "__main__":
    main()
