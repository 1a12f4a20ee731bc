"""A compiled training leaves a plain model behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from tests.e2e.train.test_starts import run_engine

pytestmark = pytest.mark.slow
# As small as a detector can be: what is compiled here takes seconds.
TINY = """
nc: 80
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
head:
  - [[2, 3, 4], 1, Detect, [nc]]
"""


@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles with a C++ compiler on a CPU")
def test_what_is_saved_is_the_plain_model(squares: Path) -> None:
    arch = squares.parent / "tiny.yaml"
    arch.write_text(TINY)
    done = run_yolokit(
        "train", "--data", squares, "--arch", arch, "--imgsz", 64, "--batch", 3, "--epochs", 1,
        "--device", "cpu", "--compile", "--name", "a", cwd=squares.parent,
    )  # fmt: skip
    assert "the network is compiled in the first batches" in done.stderr
    assert "an epoch leaves out 2 images of 8" in done.stderr
    run = squares.parent / "runs" / "train" / "a"
    assert json.loads((run / "run.json").read_text())["config"]["compile"] is True
    program = (
        "import sys\n"
        "from yolokit.engine import ultralytics_patches\n"
        "model, _ = ultralytics_patches.load_model(sys.argv[1])\n"
        "names = list(model.state_dict())\n"
        "print(type(model).__name__, any('_orig_mod' in name for name in names), len(names) > 9)\n"
    )
    assert run_engine(program, run / "best.pt").split()[-3:] == ["DetectionModel", "False", "True"]
