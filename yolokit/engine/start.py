"""The start job: the model as fine-tuning would start from it, written as a checkpoint.

It shows what a start is worth before any training.
"""

from __future__ import annotations

from typing import Any

import msgspec

from yolokit.engine.process import serve
from yolokit.engine_protocol.requests import SaveStartRequest


def start(request: SaveStartRequest) -> dict[str, Any]:
    """Write the checkpoint in FP16, and return the ``transfer`` report."""
    from yolokit.engine import ultralytics_patches
    from yolokit.engine.initializers import build_start, save_start

    model, report = build_start(request.start)
    imgsz = None
    if request.start.kind == "network" and request.start.weights is not None:
        _source, checkpoint = ultralytics_patches.load_model(
            request.start.weights, request.start.digest
        )
        imgsz = checkpoint.get("train_args", {}).get("imgsz")
    save_start(model.half(), request.out, imgsz=imgsz)
    return {"transfer": msgspec.to_builtins(report)}


if __name__ == "__main__":
    serve(SaveStartRequest, start, failure="WeightsError")
