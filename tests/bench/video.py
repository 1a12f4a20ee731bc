"""Clips in, annotated video out: ms a frame beside ``yolo predict save=True``, and peak memory.

Ours is H.264 with the source's time stamps, theirs MJPG, which takes less time to encode and more
than ten times the room. Start and loading the model are left out on both sides; ``yolo`` runs the
file in onnxruntime. A model with random weights finds nothing, so that nothing is drawn: give
a trained one, and a picture of what it finds. A clip of ten times the length shows whether memory
grows.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _inputs import add_options, get_model, last_number, upstream_env, write_clip
from _measure import Side, compare, parser, report

if TYPE_CHECKING:
    import argparse

_YOLOKIT = """
import sys, time
from yolokit.runtime.config import PredictConfig
from yolokit.runtime.predict import open_job
model, provider, precision, clip, out = sys.argv[1:]
job = open_job(PredictConfig.build({
    "model": model, "sources": (clip,), "out": out, "save": ("video",), "provider": provider,
    "precision": precision,
}))
start_s = time.perf_counter()
for done in job.run():
    pass
print((time.perf_counter() - start_s) / done * 1e3)
"""

_UPSTREAM = """
import sys, time
import numpy as np
from ultralytics import YOLO
model, clip, project = sys.argv[1:]
detector = YOLO(model, task="detect")
detector.predict(np.zeros((480, 640, 3), np.uint8), device="cpu", verbose=False)  # loads it
start_s = time.perf_counter()
found = detector.predict(
    clip, stream=True, device="cpu", verbose=False, save=True, project=project, name="theirs"
)
for done, _ in enumerate(found, 1):
    pass
print((time.perf_counter() - start_s) / done * 1e3)
"""


def main() -> None:
    """Measure and print."""
    options_parser = parser(__doc__ or "", rounds=3)
    add_options(options_parser)
    options_parser.add_argument("--frames", type=int, default=150, help="length of the clips")
    options_parser.add_argument("--picture", type=Path, help="what the clips pan over")
    options_parser.add_argument("--no-length", action="store_true", help="no clip of 10x")
    options = options_parser.parse_args()
    kind = f"{options.provider} {options.precision}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = str(get_model(options, folder))
        for title, image_wh in (("640x480", (640, 480)), ("1080p", (1920, 1080))):
            name_of_clip = folder / f"{title}.mp4"
            clip = write_clip(name_of_clip, options.frames, image_wh, options.picture)
            sides = [
                _ours("yolokit", options, model, clip, folder),
                _theirs(model, clip, folder),
            ]
            results = compare(sides, rounds=options.rounds)
            report(
                f"video {title}, {kind}", results, base="yolokit", unit="ms", as_json=options.json
            )
        if options.no_length:
            return
        short = write_clip(folder / "short.mp4", options.frames, (640, 480), options.picture)
        long = write_clip(folder / "long.mp4", 10 * options.frames, (640, 480), options.picture)
        lengths = [
            _ours("1x", options, model, short, folder),
            _ours("10x", options, model, long, folder),
        ]
        results = compare(lengths, rounds=1)
        report(f"video length, {kind}", results, base="1x", unit="ms", as_json=options.json)


def _ours(title: str, options: argparse.Namespace, model: str, clip: Path, folder: Path) -> Side:
    out = folder / "ours"
    words = [model, options.provider, options.precision]
    return Side(
        title,
        [sys.executable, "-c", _YOLOKIT, *words, str(clip), str(out)],
        before=partial(shutil.rmtree, out, ignore_errors=True),
        value=last_number,
    )


def _theirs(model: str, clip: Path, folder: Path) -> Side:
    return Side(
        "yolo predict",
        [sys.executable, "-c", _UPSTREAM, model, str(clip), str(folder)],
        env=upstream_env(folder),
        before=partial(shutil.rmtree, folder / "theirs", ignore_errors=True),
        value=last_number,
        cwd=folder,
    )


if __name__ == "__main__":
    main()
