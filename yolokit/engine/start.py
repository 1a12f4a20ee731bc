"""The start job: the model as fine-tuning would start from it, written as a checkpoint in FP16.

It shows what a start is worth before any training.
"""

from __future__ import annotations

from typing import Any

from yolokit.engine.process import Job, serve
from yolokit.engine_protocol.requests import SaveStartRequest


def start(request: SaveStartRequest) -> dict[str, Any]:
    """Write the checkpoint; there is nothing to return."""
    from yolokit.engine.initializers import build_start, save_start

    model, _report = build_start(request.start)
    save_start(model.half(), request.out, imgsz=request.imgsz)
    return {}


JOB = Job(SaveStartRequest, start, failure="WeightsError")

if __name__ == "__main__":
    serve(JOB)
