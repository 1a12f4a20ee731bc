"""The options of ``yolokit optimize``."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import realpath
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from yolokit.core.config import Config, find_name_problems
from yolokit.core.options import AnyPath, Argument, Option, Share, Texts
from yolokit.runtime.config import Threads

SEARCHES_DIR = Path("runs") / "optimize"
_LIMIT = "is one of max_map_drop, min_speedup and max_latency here"


class _WeightsAndData(Config, frozen=True):
    weights: Annotated[AnyPath, Argument("Checkpoint to make fast: a run's best.pt.", "WEIGHTS")]
    data: Annotated[
        AnyPath,
        Option("Data set: val judges the candidates, train calibrates 8-bit numbers.", "FILE"),
    ]


class OptimizeConfig(_WeightsAndData, frozen=True, kw_only=True):
    """What is to become fast, and what must hold.

    Attributes:
        max_map_drop: Against the trained model, on val.
        max_latency: In milliseconds.
        provider: Names of execution providers; empty for all that load.
        threads: None for all usable cores.
        trust: ``weights`` itself.
    """

    JOB: ClassVar[str] = "optimize"
    FOREIGN: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "resume": "needs no option: the same command goes on with a search",
            "overwrite": "needs no option: a search only ever replaces what it published itself",
            "hours": "is called budget_minutes here",
            "providers": "is called provider here: --provider cpu --provider openvino for two",
            "report": "needs no option: report.html is always written",
            "precision": "is what is searched; `yolokit export --precision` makes one file",
            **dict.fromkeys(("limit", "budget", "target"), _LIMIT),
        }
    )

    max_map_drop: Annotated[
        Share, Option("Most mAP50-95 that may be lost against the trained model.", "X")
    ] = 0.01
    min_speedup: Annotated[
        Annotated[float, Meta(ge=1)] | None,
        Option("Least speed, in times that of FP32 on onnxruntime's CPU provider.", "X"),
    ] = None
    max_latency: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Option("Longest time of one image in the model, in milliseconds.", "MS"),
    ] = None
    provider: Annotated[
        Texts, Option("Try this one, with cpu as the measure. Repeatable.", "NAME",
                      default="all that load here")
    ] = ()  # fmt: skip
    threads: Threads = None
    imgsz: Annotated[
        Annotated[int, Meta(ge=32, le=8192)] | None,
        Option("Side of the input, a multiple of 32.", "PX", default="as it was trained"),
    ] = None
    budget_minutes: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Option("Try no further candidate after so many minutes.", "X"),
    ] = None
    name: Annotated[
        str | None, Option("Folder of the search below runs/optimize.", "NAME",
                           default="that of the checkpoint")
    ] = None  # fmt: skip
    out: Annotated[AnyPath | None, Option("Folder of the search, anywhere.", "DIR")] = None
    trust: Annotated[
        AnyPath | None, Option("Load this one file even if that runs code stored in it.", "FILE")
    ] = None

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        from yolokit.runtime.session import check_options

        problems = [
            f"provider: {text}"
            for name in values["provider"]
            for text in check_options(provider=name)
        ]
        if "auto" in values["provider"]:
            problems.append("provider: auto is what happens without the option")
        trust = values["trust"]
        if trust is not None and realpath(trust) != realpath(values.get("weights", "")):
            problems.append(f"trust: must name the file that is made fast, not {str(trust)!r}")
        imgsz = values["imgsz"]
        if imgsz is not None and imgsz % 32:
            problems.append(f"imgsz: must be a multiple of 32, not {imgsz}")
        return problems + find_name_problems(values)

    @property
    def folder(self) -> Path:
        """The folder of the search."""
        if self.out is not None:
            return Path(self.out).resolve()
        weights = Path(self.weights).resolve()
        return (SEARCHES_DIR / (self.name or weights.parent.name or "search")).resolve()
