"""One 640x480 image through an ONNX model, from the start of the process to results on disk.

Once through onnxruntime, and once through OpenVINO, which has compiled the model before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
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
        clear = partial(shutil.rmtree, ours, ignore_errors=True)
        predict = [program("yolokit"), "predict", str(model), str(image), "--out", str(ours)]
        home = {"YOLOKIT_HOME": str(folder / "home")}
        compiled = [*predict, "--provider", "openvino"]
        subprocess.run(compiled, env=os.environ | home, check=True, capture_output=True)
        words = [f"model={model}", f"source={image}", f"project={folder}", "name=theirs"]
        sides = [
            Side("yolokit predict", [*predict, "--provider", "cpu"], before=clear),
            Side("yolokit predict, OpenVINO", compiled, env=home, before=clear),
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
