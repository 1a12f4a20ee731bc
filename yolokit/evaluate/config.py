"""The options of ``yolokit val``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias

from msgspec import Meta

from yolokit.core.config import Config, find_name_problems
from yolokit.core.options import AnyPath, Option, Positive, Share, Texts
from yolokit.evaluate.other_words import WORDS_OF_VAL
from yolokit.runtime.config import Model, Precision, Provider, Threads

CONF = 0.001
IOU = 0.7
MAX_DET = 300
RUNS = Path("runs") / "val"

ReportOnly: TypeAlias = Annotated[
    bool,
    Option(
        "Print one JSON object to stdout; no file unless --out, --name or --report.",
        flag="--json",
    ),
]


class _ModelAndData(Config, frozen=True):
    model: Model
    data: Annotated[AnyPath, Option("Data set: its data.yaml, or its folder.", "FILE")]


class ValConfig(_ModelAndData, frozen=True, kw_only=True):
    """What to evaluate, on what, and where the report goes."""

    JOB: ClassVar[str] = "val"
    FOREIGN: ClassVar[Mapping[str, str]] = WORDS_OF_VAL

    split: Annotated[str, Option("Split to measure on: val, test or train.", "NAME")] = "val"
    conf: Annotated[
        Share, Option("Lowest score that counts; metrics need nearly all.", "SHARE")
    ] = CONF
    iou: Annotated[Share, Option("Overlap above which boxes merge.", "SHARE")] = IOU
    max_det: Annotated[Positive, Option("Most boxes in one image.", "N", former="--max-count")] = (
        MAX_DET
    )
    recall_at: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Option("Also the highest recall at a precision of at least P.", "P"),
    ] = None
    provider: Provider = "auto"
    precision: Precision = None
    threads: Threads = None
    report: Annotated[
        bool, Option("Write report.html beside metrics.json: errors, curves, worst images.")
    ] = False
    out: Annotated[AnyPath | None, Option("Folder for metrics.json.", "DIR")] = None
    name: Annotated[
        str | None, Option("Write to runs/val/NAME.", "NAME", default="MODEL-SPLIT")
    ] = None
    allow: Annotated[
        Texts, Option("Leave out, instead of failing: unusable-images. Repeatable.", "CODE")
    ] = ()
    report_only: ReportOnly = False
    overwrite: Annotated[bool, Option("Replace a metrics.json and report.html.")] = False

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        from yolokit.core.findings import find_unknown_codes
        from yolokit.datasets.check import UNUSABLE
        from yolokit.runtime.session import check_options

        problems = find_unknown_codes(values["allow"], (UNUSABLE,))
        problems += [f"provider: {text}" for text in check_options(provider=values["provider"])]
        return problems + find_name_problems(values)

    @property
    def folder(self) -> Path | None:
        """The folder that is asked for; None for a fresh one, called after model and split."""
        if self.name is not None:
            return RUNS / self.name
        return None if self.out is None else Path(self.out)
