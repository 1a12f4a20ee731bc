"""The infer job: run a checkpoint in torch, as the reference of every proof.

It prepares each image with the letterbox of the training framework, not with the runtime's, and
leaves the model unfused: so a proof covers preprocessing, fusing and exporting together.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.engine.process import Job, check_stop, serve
from yolokit.engine_protocol.requests import InferFacts, InferRequest

if TYPE_CHECKING:
    from yolokit.core.types import F32, U8


def infer(request: InferRequest) -> dict[str, Any]:
    """Write the outputs of every image, and return the fields of ``InferFacts``."""
    import torch

    from yolokit.engine import ultralytics_patches
    from yolokit.engine.export import choose_size, list_names, prepare_for_inference
    from yolokit.engine.tasks.toolkit import load_task, load_task_model

    ultralytics_patches.use_cores(request.threads)
    task = load_task(request.task)
    model, checkpoint = load_task_model(task, request.weights, request.digest, trust=request.trust)
    task.choose_head(model, request.head)
    model.eval().float()
    prepare_for_inference(model)
    folder = Path(request.folder)
    with torch.inference_mode():
        for index in range(request.images):
            check_stop()
            image = np.load(folder / f"{index:04d}.image.npy", allow_pickle=False)
            tensor = letterbox(image, request.input_wh, request.border_stride_px)
            given = model(torch.from_numpy(tensor))
            outputs = given if isinstance(given, (list, tuple)) else [given]
            if request.keeps_inputs:
                np.save(folder / f"{index:04d}.input.npy", tensor, allow_pickle=False)
            for name, output in zip(task.OUTPUTS, outputs, strict=True):
                np.save(folder / f"{index:04d}.{name}.npy", output.numpy(), allow_pickle=False)
    imgsz, stride_px = choose_size(model, checkpoint)
    facts = InferFacts(
        names=tuple(list_names(model)),
        layout=task.tell_layout(model),
        outputs=task.OUTPUTS,
        imgsz=imgsz,
        stride_px=stride_px,
    )
    return msgspec.structs.asdict(facts)


def letterbox(image: U8, input_wh: tuple[int, int], border_stride_px: int | None = None) -> F32:
    """Prepare one image as upstream does (``data/augment.py:LetterBox``, then / 255).

    With a stride the border is as its rectangular inference has it: see ``InferRequest``. To give
    it the sides of that rectangle instead would be another scale, where these are rounded.
    """
    from ultralytics.data.augment import LetterBox

    width, height = input_wh
    border: dict[str, Any] = {"auto": False}
    if border_stride_px is not None:
        border = {"auto": True, "stride": border_stride_px}
    padded = LetterBox(new_shape=(height, width), **border)(image=image)
    tensor: F32 = np.ascontiguousarray(padded[..., ::-1].transpose(2, 0, 1)[None], np.float32)
    return tensor / np.float32(255)


JOB = Job(InferRequest, infer, failure="ExportError")

if __name__ == "__main__":
    serve(JOB)
