"""A folder of 640x480 images: ms an image in the long run, beside the engine alone.

Start and warm-up are left out on all sides; all use the same model file and as many threads. The
engine runs on one input all the time: once with all threads in one run after the other, once with
a run on each thread, as yolokit has it. ``yolo`` runs the file in onnxruntime.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _inputs import add_options, get_model, last_number, upstream_env, write_images
from _measure import Side, compare, parser, report

from yolokit.core.machine import usable_cores

if TYPE_CHECKING:
    import argparse

_WARM_UP = 10

# Each defines `runs`, one for every stream: what runs the model once.
_ENGINES = {
    "cpu": """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads // streams
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
feed = {session.get_inputs()[0].name: pixels}
runs = [lambda: session.run(None, feed)] * streams
""",
    "openvino": """
sys.modules["openvino_telemetry"] = None  # which would send
import openvino
hints = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
compiled = openvino.Core().compile_model(model, "CPU", {
    "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hints[precision],
    "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams,
})
requests = [compiled.create_infer_request() for _ in range(streams)]
runs = [lambda request=request: request.infer({0: pixels}, share_inputs=True)
        for request in requests]
""",
}

_ALONE = """
import sys, threading, time
import numpy as np
model, precision = sys.argv[1:3]
threads, streams, count, side_px = map(int, sys.argv[3:])
pixels = np.random.default_rng(0).random((1, 3, side_px, side_px), np.float32)
{engine}
def work(run):
    for _ in range(count // streams):
        run()
for run in runs:
    run(), run()
workers = [threading.Thread(target=work, args=(run,)) for run in runs]
start_s = time.perf_counter()
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print((time.perf_counter() - start_s) / (count // streams * streams) * 1e3)
"""

_YOLOKIT = f"""
import sys, time
from yolokit.runtime.config import PredictConfig
from yolokit.runtime.predict import open_job
model, provider, precision, threads, folder, out = sys.argv[1:]
job = open_job(PredictConfig.build({{
    "model": model, "sources": (folder,), "out": out, "save": ("jsonl",), "provider": provider,
    "precision": precision, "threads": int(threads),
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
    options_parser.add_argument("--side", type=int, default=640, help="of the model's input")
    options_parser.add_argument("--threads", type=int, default=usable_cores())
    options_parser.add_argument("--no-upstream", action="store_true", help="leave it out")
    options = options_parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = str(get_model(options, folder))
        images = options.images or write_images(folder / "images", 160)
        streams = sorted({1, options.threads})
        sides = [_alone(options, model, images, count) for count in streams]
        sides.append(_ours(options, model, images, folder / "out"))
        if not options.no_upstream:
            sides.append(_theirs(model, images, folder))
        results = compare(sides, rounds=options.rounds)
    title = f"folder, {options.provider} {options.precision}"
    report(title, results, base=sides[0].name, unit="ms", as_json=options.json)


def _alone(options: argparse.Namespace, model: str, images: Path, streams: int) -> Side:
    program = _ALONE.format(engine=_ENGINES[options.provider])
    count = len(list(images.iterdir()))
    numbers = [str(one) for one in (options.threads, streams, count, options.side)]
    return Side(
        f"engine alone, {streams} at once" if streams > 1 else "engine alone",
        [sys.executable, "-c", program, model, options.precision, *numbers],
        value=last_number,
    )


def _ours(options: argparse.Namespace, model: str, images: Path, out: Path) -> Side:
    words = [model, options.provider, options.precision, str(options.threads)]
    return Side(
        "yolokit predict",
        [sys.executable, "-c", _YOLOKIT, *words, str(images), str(out)],
        before=partial(shutil.rmtree, out, ignore_errors=True),
        value=last_number,
    )


def _theirs(model: str, images: Path, folder: Path) -> Side:
    return Side(
        "yolo predict",
        [sys.executable, "-c", _UPSTREAM, model, str(images)],
        env=upstream_env(folder),
        value=last_number,
        cwd=folder,
    )


if __name__ == "__main__":
    main()
