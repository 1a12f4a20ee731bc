"""Tries to start from Darknet files: one line for each, its name and what came of it.

python try_files.py ARCH.yaml WEIGHTS...
"""

from __future__ import annotations

import sys
from pathlib import Path

from yolokit.engine import ultralytics_patches  # noqa: F401 - first: it tames ultralytics
from yolokit.engine.initializers import build_start
from yolokit.engine_protocol.requests import StartRequest
from yolokit.errors import WeightsError

arch, *files = sys.argv[1:]
for file in files:
    request = StartRequest(kind="darknet", weights=file, arch=arch, names=["a"])
    try:
        said = f"{build_start(request)[1].transferred} tensors taken"
    except WeightsError as error:
        said = error.message
    print(f"{Path(file).name}\t{said}")
