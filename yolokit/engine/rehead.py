"""The rehead job: the model as fine-tuning starts from it, written as a checkpoint.

It shows what a start is worth before any training: the weights are taken over as the trainer
takes them, and what does not fit the new classes is left as it was initialised.
"""

from __future__ import annotations

from typing import Any

from yolokit.core.requests import ReheadRequest
from yolokit.engine.process import serve


def rehead(request: ReheadRequest) -> dict[str, Any]:
    """Write the checkpoint, and return how many tensors were ``taken`` of how ``many``."""
    import torch

    from yolokit.engine import upstream

    torch.manual_seed(0)
    start, checkpoint = upstream.load_model(request.weights)
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils.torch_utils import intersect_dicts

    model = DetectionModel(start.yaml, nc=len(request.names), verbose=False)
    model.names = dict(enumerate(request.names))
    taken = len(intersect_dicts(start.float().state_dict(), model.state_dict()))
    model.load(start)
    train_args = {"imgsz": checkpoint.get("train_args", {}).get("imgsz", 640)}
    torch.save({"model": model.half(), "train_args": train_args, "epoch": -1}, request.out)
    return {"taken": taken, "many": len(model.state_dict())}


if __name__ == "__main__":
    serve(ReheadRequest, rehead, failure="WeightsError")
