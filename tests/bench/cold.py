"""One 640x480 image through an ONNX model, from the start of the process to results on disk."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

from _inputs import add_options, get_model, program, upstream_env, write_images
from _measure import Side, compare, parser, report


def main() -> None:
    """Measure and print."""
    options_parser = parser(__doc__ or "", rounds=5)
    add_options(options_parser)
    options = options_parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = get_model(options, folder)
        image = next(write_images(folder / "images", 1).iterdir())
        ours, theirs = folder / "ours", folder / "theirs"
        words = [f"model={model}", f"source={image}", f"project={folder}", "name=theirs"]
        sides = [
            Side(
                "yolokit predict",
                [program("yolokit"), "predict", str(model), str(image), "--out", str(ours)],
                before=partial(shutil.rmtree, ours, ignore_errors=True),
            ),
            Side(
                "yolo predict",
                [program("yolo"), "predict", "device=cpu", "save=True", *words],
                env=upstream_env(folder),
                before=partial(shutil.rmtree, theirs, ignore_errors=True),
                cwd=folder,
            ),
        ]
        results = compare(sides, rounds=options.rounds)
    report("cold", results, base="yolokit predict", unit="s", as_json=options.json)


if __name__ == "__main__":
    main()
