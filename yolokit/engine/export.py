"""The export job: a checkpoint becomes a plain ONNX file, by a trace of our own.

Upstream's exporter knows dynamic axes only all together, names its own output and installs
packages on the way; the trace itself is one call, so it is made here.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from yolokit.engine.process import Job, check_stop, serve
from yolokit.engine_protocol.requests import ExportRequest
from yolokit.errors import ExportError

if TYPE_CHECKING:
    from yolokit.engine.tasks.toolkit import EngineTask

INPUT_NAME = "images"


def export(request: ExportRequest) -> dict[str, Any]:
    """Write the ONNX file and return what the manifest needs to know of the model.

    Returns:
        ``names``, ``input_wh``, ``stride_px``, ``layout``, ``is_usual_head`` (the one which
        is validated in a training), ``architecture``, ``license``, ``input_name``,
        ``output_name`` and ``versions``.
    """
    from yolokit.engine import ultralytics_patches
    from yolokit.engine.tasks.toolkit import load_task, load_task_model

    task = load_task(request.task)
    model, checkpoint = load_task_model(task, request.weights, request.digest, trust=request.trust)
    check_stop()
    usual_layout = task.tell_layout(model)
    task.choose_head(model, request.head)
    _prepare(model, dynamic=request.dynamic == "all")
    layout = task.tell_layout(model)
    trained_px, stride = choose_size(model, checkpoint)
    height, width = request.input_hw or (trained_px, trained_px)
    if height % stride or width % stride:
        sides = str(height) if height == width else f"{height},{width}"
        raise ExportError(f"imgsz must be multiples of {stride}, the model's stride, not {sides}")
    axes = _dynamic_axes(request.dynamic, layout, task)
    _trace(model, (height, width), request, list(task.OUTPUTS), axes)
    check_stop()
    return {
        "names": list_names(model),
        "input_wh": [width, height],
        "stride_px": stride,
        "layout": layout,
        "is_usual_head": layout == usual_layout,
        "architecture": _architecture(model),
        "license": str(checkpoint.get("license") or ""),
        "input_name": INPUT_NAME,
        "output_name": task.OUTPUTS[0],
        "versions": ultralytics_patches.list_versions(),
    }


def choose_size(model: Any, checkpoint: dict[str, Any]) -> tuple[int, int]:
    """Return the side in px that a model was trained with, and what sides are multiples of."""
    stride = max(32, int(max(model.stride.tolist())))
    return int(checkpoint.get("train_args", {}).get("imgsz", 640)), stride


def list_names(model: Any) -> list[str]:
    """Return the class names by index."""
    return [model.names[index] for index in range(len(model.names))]


def prepare_for_inference(model: Any) -> None:
    """Make a model return its decoded outputs alone, as the exported graph does."""
    for module in model.modules():
        if hasattr(module, "export"):
            module.export = True
            module.format = "onnx"


def _prepare(model: Any, *, dynamic: bool) -> None:
    model.eval().float().fuse()
    for parameter in model.parameters():
        parameter.requires_grad = False
    prepare_for_inference(model)
    model.model[-1].dynamic = dynamic


def _trace(
    model: Any,
    input_hw: tuple[int, int],
    request: ExportRequest,
    output_names: list[str],
    axes: dict[str, dict[int, str]] | None,
) -> None:
    import torch

    image = torch.zeros(1, 3, *input_hw)
    with torch.inference_mode(), warnings.catch_warnings():
        # The tracer warns of every Python branch; the parity gate is what proves the graph.
        warnings.simplefilter("ignore")
        model(image)  # the anchors of a fixed size become constants
        torch.onnx.export(
            model,
            (image,),
            request.out,
            opset_version=request.opset,
            input_names=[INPUT_NAME],
            output_names=output_names,
            dynamic_axes=axes,
            dynamo=False,
        )


def _dynamic_axes(dynamic: str, layout: str, task: EngineTask) -> dict[str, dict[int, str]] | None:
    if dynamic == "none":
        return None
    axes = {name: {0: "batch"} for name in (INPUT_NAME, *task.OUTPUTS)}
    if dynamic == "all":
        axes[INPUT_NAME] |= {2: "height", 3: "width"}
        for name, by_size in task.list_size_axes(layout).items():
            axes[name] |= by_size
    return axes


def _architecture(model: Any) -> str:
    name = str(model.yaml.get("yaml_file", "")).rsplit("/", 1)[-1].removesuffix(".yaml")
    scale = model.yaml.get("scale") or ""
    return name if not scale or scale in name.removeprefix("yolo") else f"{name} scale {scale}"


JOB = Job(ExportRequest, export, failure="ExportError")

if __name__ == "__main__":
    serve(JOB)
