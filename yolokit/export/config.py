"""The options of ``yolokit export``."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import realpath
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from yolokit.core.config import Config
from yolokit.core.options import AnyPath, Argument, Option, Positive, Share
from yolokit.export.other_words import WORDS_OF_EXPORT

QUANTIZERS = "yolokit.export.quantizers"
_SIDES_PX = range(32, 8193, 32)


class _Weights(Config, frozen=True):
    weights: Annotated[AnyPath, Argument("Checkpoint to export: a run's best.pt.", "WEIGHTS")]


class ExportConfig(_Weights, frozen=True, kw_only=True):
    """How a checkpoint becomes an ONNX file.

    ``precision`` is ``fp32``, or the name of a quantizer, whose file is called
    ``best.int8.onnx``. ``trust`` has to be ``weights`` itself.
    """

    JOB: ClassVar[str] = "export"
    FOREIGN: ClassVar[Mapping[str, str]] = WORDS_OF_EXPORT

    data: Annotated[
        AnyPath | None,
        Option(
            "Data set (data.yaml, or its folder) that the file is compared with the model on.",
            "FILE",
        ),
    ] = None
    out: Annotated[
        AnyPath | None,
        Option(
            "ONNX file to write, or a folder to put it in.", "PATH", default="beside the checkpoint"
        ),
    ] = None
    dynamic: Annotated[
        Literal["none", "batch", "all"],
        Option("Axes of the input that may vary.", "none|batch|all"),
    ] = "none"
    imgsz: Annotated[
        int | str | None,
        Option(
            "Side of the input, or its height and width; multiples of 32.",
            "PX|H,W",
            default="as it was trained",
        ),
    ] = None
    head: Annotated[
        Literal["raw", "end2end"] | None,
        Option(
            "Head to export, where the model has both: all candidates, or boxes that need no NMS.",
            "raw|end2end",
            default="raw, where there is one",
        ),
    ] = None
    embed: Annotated[
        Literal["pre", "nms", "pre,nms"] | None,
        Option(
            "What the file does itself: pre takes the picture, nms gives boxes; or pre,nms.",
            "PART,...",
            default="nothing: it is the network alone",
        ),
    ] = None
    opset: Annotated[int, Meta(ge=13, le=20), Option("ONNX operator set.", "N")] = 17
    precision: Annotated[
        str,
        Option(
            "Numbers that the file computes with; fp16 and int8 are written beside the FP32 file.",
            "fp32|fp16|int8",
        ),
    ] = "fp32"
    int8_for: Annotated[
        Literal["onnxruntime", "openvino"],
        Option("Engine that an INT8 file is fast on.", "onnxruntime|openvino"),
    ] = "onnxruntime"
    calibration_images: Annotated[
        Positive, Option("Images of the training split that INT8 finds its ranges on.", "N")
    ] = 128
    max_map_drop: Annotated[
        Share | None,
        Option(
            "Most mAP50-95 that the file may lose on val of --data.",
            "SHARE",
            default="0.002 for fp32, 0.005 for fp16, 0.01 for int8",
        ),
    ] = None
    gate_images: Annotated[
        Positive, Option("Most images of val that accuracy is measured on.", "N")
    ] = 1000
    allow_slower: Annotated[
        bool, Option("Publish a file of lower precision that is slower than FP32 here.")
    ] = False
    trust: Annotated[
        AnyPath | None, Option("Load this one file even if that runs code stored in it.", "FILE")
    ] = None
    overwrite: Annotated[bool, Option("Replace an earlier export.")] = False

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be there."""
        from yolokit.core.plugins import list_plugins

        problems = []
        out = values["out"]
        if out is not None and not (out.is_dir() or out.name.endswith(".onnx")):
            problems.append(
                f"out: must end with .onnx, or be a folder that is there, not {str(out)!r}"
            )
        known = ("fp32", *list_plugins(QUANTIZERS))
        if values["precision"] not in known:
            problems.append(
                f"precision: must be one of {', '.join(known)}, not {values['precision']!r}"
            )
        elif values["data"] is None and needs_images(values["precision"]):
            problems.append(
                f"data: is missing: {values['precision']} finds the ranges of its numbers on "
                "images of a data set's training split"
            )
        trust = values["trust"]
        if trust is not None and realpath(trust) != realpath(values.get("weights", "")):
            problems.append(f"trust: must name the file that is exported, not {str(trust)!r}")
        imgsz = values["imgsz"]
        if imgsz is not None and _read_sides(imgsz) is None:
            problems.append(
                f"imgsz: must be a side in px, or height and width as in 320,640: multiples of 32 "
                f"from {_SIDES_PX[0]} to {_SIDES_PX[-1]}, not {imgsz}"
            )
        if "pre" in (values["embed"] or "") and values["dynamic"] != "none":
            problems.append(
                "embed: a file that takes the picture itself takes one of any size at a time; "
                "leave out dynamic"
            )
        data = values["data"]
        if data is not None and not Path(data).exists():
            problems.append(f"data: there is no {str(data)!r}")
        return problems

    @property
    def input_hw(self) -> tuple[int, int] | None:
        """Height and width of the input in px; None for the side that it was trained with."""
        return None if self.imgsz is None else _read_sides(self.imgsz)

    @classmethod
    def find_idle(cls, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the options of a calibration where there is none."""
        if needs_images(values["precision"]):
            return {}
        why = f"has no effect: {values['precision']} has no ranges to find; see --precision int8"
        return dict.fromkeys(("int8_for", "calibration_images"), why)


def _read_sides(imgsz: int | str) -> tuple[int, int] | None:
    """Return height and width in px of ``320`` or ``320,640``; None for what is neither."""
    parts = str(imgsz).split(",")
    sides = [int(part) for part in parts if part.strip().isdecimal() and part.isascii()]
    if len(sides) != len(parts) or len(sides) > 2 or not all(one in _SIDES_PX for one in sides):
        return None
    return sides[0], sides[-1]


def needs_images(precision: str) -> bool:
    """Tell whether a precision is calibrated on images."""
    from yolokit.core.plugins import list_plugins, load_plugin

    if precision not in list_plugins(QUANTIZERS):
        return False
    return bool(load_plugin(QUANTIZERS, precision, kind="precision").CALIBRATES)
