"""Make a small data set and a model for the torch-free lane: the demo, and the shipped weights.

Usage: python tests/make_lane_fixture.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from yolokit.convert.config import ConvertConfig
from yolokit.convert.job import convert
from yolokit.export.config import ExportConfig
from yolokit.export.run import export_model
from yolokit.jobs.demo import write_demo
from yolokit.jobs.quickstart import START


def main(folder: Path) -> None:
    """Write ``data/`` and ``model.onnx`` into a new folder."""
    write_demo(folder / "demo", classes="pretrain", images=60, video_seconds=0)
    convert(ConvertConfig(folder / "demo", folder / "data"))
    export_model(ExportConfig.build({"weights": str(START), "out": str(folder / "model.onnx")}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
