"""The options of ``yolokit verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from yolokit.core.config import Config, find_name_problems
from yolokit.core.options import AnyPath, Argument, Option, Positive, Share
from yolokit.evaluate.config import ReportOnly
from yolokit.evaluate.finders import is_checkpoint
from yolokit.runtime.config import Precision, Provider, Threads

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNS = Path("runs") / "verify"


class _Models(Config, frozen=True):
    model: Annotated[
        AnyPath, Argument("The reference: an ONNX file or a checkpoint (.pt).", "MODEL")
    ]
    other: Annotated[
        AnyPath | None,
        Argument(
            "What has to be as good; without it MODEL itself, on --provider beside the CPU.",
            "OTHER",
        ),
    ] = None


class VerifyConfig(_Models, frozen=True, kw_only=True):
    """Which models are compared, on what, and where the record goes.

    ``reference_provider`` and ``reference_precision`` are None for those of both models, and for
    the CPU and fp32 where one file is verified.
    """

    JOB: ClassVar[str] = "verify"

    data: Annotated[
        AnyPath | None,
        Option("Data set to measure both on: its data.yaml, or its folder.", "FILE"),
    ] = None
    split: Annotated[str, Option("Split to measure on: val, test or train.", "NAME")] = "val"
    images: Annotated[Positive, Option("Most images of the split to measure on.", "N")] = 1000
    provider: Provider = "auto"
    precision: Precision = None
    reference_provider: Annotated[
        str | None,
        Option("Runs MODEL.", "NAME", default="--provider; with one file cpu"),
    ] = None
    reference_precision: Precision = None
    threads: Threads = None
    imgsz: Annotated[
        Annotated[int, Meta(ge=32, le=8192)] | None,
        Option("Side of the input of a checkpoint.", "PX", default="as it was trained"),
    ] = None
    max_map_drop: Annotated[
        Share | None,
        Option(
            "Most mAP50-95 that OTHER may have less.",
            "SHARE",
            default="0.002 for fp32, 0.005 for fp16 and bf16, 0.01 for int8",
        ),
    ] = None
    no_timing: Annotated[bool, Option("Do not time the two.")] = False
    report: Annotated[
        bool, Option("Write report.html beside verify.json: both models' boxes in pictures.")
    ] = False
    out: Annotated[AnyPath | None, Option("Folder for verify.json.", "DIR")] = None
    name: Annotated[str | None, Option("Write to runs/verify/NAME.", "NAME", default="MODEL")] = (
        None
    )
    report_only: ReportOnly = False
    overwrite: Annotated[bool, Option("Replace a verify.json and report.html.")] = False

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        from yolokit.runtime.session import check_options

        problems = find_name_problems(values)
        for field in ("provider", "reference_provider"):
            if values[field] is not None:
                problems += [f"{field}: {text}" for text in check_options(provider=values[field])]
        if values["imgsz"] is not None and values["imgsz"] % 32:
            problems.append(f"imgsz: must be a multiple of 32, not {values['imgsz']}")
        model, other = values.get("model"), values["other"]
        if model is not None and other is None and is_checkpoint(model):
            problems.append(
                f"other: {model} is a checkpoint, which torch alone runs: name the file as well "
                "that has to be as good"
            )
        return problems

    @classmethod
    def find_idle(cls, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return options that have no effect beside the others."""
        idle = {}
        if values["data"] is None:
            for name in ("split", "images", "max_map_drop"):
                idle[name] = "has no effect without --data"
        paths = [one for one in (values.get("model"), values["other"]) if one is not None]
        if not any(map(is_checkpoint, paths)):
            idle["imgsz"] = "has no effect: neither model is a checkpoint"
        return idle

    @property
    def folder(self) -> Path | None:
        """The folder that is asked for; None for a fresh one, called after the model."""
        if self.name is not None:
            return RUNS / self.name
        return None if self.out is None else Path(self.out)
