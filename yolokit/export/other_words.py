"""Options that other tools have to export a model, each with the name or the reason here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONNX_ONLY = "is not offered: what is made is always an ONNX file"
_FORMAT = f"{_ONNX_ONLY}, which OpenVINO, CUDA, TensorRT and CoreML run as it is"
_HALF = "is `precision: fp16` here"
_INT8 = "is `precision: int8` here, with images of data to calibrate on"
_ALWAYS = "needs no option: the graph is always simplified"

WORDS_OF_EXPORT: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("model",), "has no option: the checkpoint comes first, `yolokit export BEST.pt`"
        ),
        **dict.fromkeys(("format", "include"), _FORMAT),
        **dict.fromkeys(("keras", "optimize", "workspace"), _ONNX_ONLY),
        **dict.fromkeys(("half", "fp16"), _HALF),
        **dict.fromkeys(("int8", "quantize"), _INT8),
        "fraction": "is called calibration_images here: their number, not a share",
        **dict.fromkeys(("simplify", "simplified"), _ALWAYS),
        **dict.fromkeys(("img", "img_size", "image_size"), "is called imgsz here"),
        **dict.fromkeys(("batch", "batch_size"), "is `dynamic: batch` here: any number of images"),
        "nms": "is `embed: nms` here: the file reports boxes, not candidates",
        "end2end": "is `head: end2end` here, or `head: raw`",
        "agnostic_nms": "is not offered: boxes of different classes never merge",
        **dict.fromkeys(
            ("conf", "iou", "max_det"),
            "is not fixed in a file: `yolokit predict` asks for it, and with `embed: nms` it is an "
            "input of the model",
        ),
        "device": "is not offered: a model is exported on the CPU",
        **dict.fromkeys(("project", "name", "save_dir"), "is called out here: a file or a folder"),
        "exist_ok": "is called overwrite here",
        "task": "is not asked for: the checkpoint says what it is for",
        "mode": "is the command itself: train, val, export or predict",
        "verbose": "needs no option: what was compared is always told",
    }
)
