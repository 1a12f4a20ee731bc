"""The options of ``yolokit predict``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from yolokit.core.config import Config, find_name_problems
from yolokit.core.options import (
    AnyPath,
    Argument,
    Option,
    PathTexts,
    Positive,
    Share,
    Texts,
    list_paths,
)
from yolokit.runtime.other_words import WORDS_OF_PREDICT

RUNS = Path("runs") / "predict"


# Of every job that runs a model.
Model: TypeAlias = Annotated[
    AnyPath, Argument("ONNX file, exported by yolokit or ultralytics.", "MODEL")
]
Provider: TypeAlias = Annotated[
    str,
    Option("Runs the model: auto, cpu, cuda, tensorrt, openvino, coreml, directml, ...", "NAME"),
]
Threads: TypeAlias = Annotated[
    Positive | None, Option("Threads for the model.", "N", default="all usable cores")
]


Precision: TypeAlias = Annotated[
    Literal["fp32", "bf16", "fp16"] | None,
    Option("What an FP32 model is computed in: fp32, bf16, fp16.", "NAME", default="fp32"),
]


class _ModelAndSources(Config, frozen=True):
    model: Model
    sources: Annotated[
        PathTexts,
        Argument(
            "Images, videos, folders and glob patterns of them, .txt lists of them.", "SOURCE..."
        ),
    ]


class PredictConfig(_ModelAndSources, frozen=True, kw_only=True):
    """What to find objects in, and where the results go.

    ``save`` has names of sinks; None for what suits the sources. ``conf``, ``iou`` and
    ``max_det`` are None for the model's own.
    """

    JOB: ClassVar[str] = "predict"
    FOREIGN: ClassVar[Mapping[str, str]] = WORDS_OF_PREDICT

    out: Annotated[AnyPath | None, Option("Folder for the results; new or empty.", "DIR")] = None
    name: Annotated[str | None, Option("Write to runs/predict/NAME.", "NAME", default="MODEL")] = (
        None
    )
    save: Annotated[
        Texts | None,
        Option(
            "What to write: jsonl, images, video. Frames of a video become images only without "
            "video.",
            "NAME,...",
            default="jsonl, and images or video as the source is",
        ),
    ] = None
    conf: Annotated[
        Share | None,
        Option("Lowest score to report.", "SHARE", default="the model's, of each class or 0.25"),
    ] = None
    iou: Annotated[
        Share | None,
        Option("Overlap above which boxes merge.", "SHARE", default="the model's, 0.7"),
    ] = None
    max_det: Annotated[
        Positive | None,
        Option("Most boxes in one image.", "N", former="--max-count", default="the model's, 300"),
    ] = None
    provider: Provider = "auto"
    precision: Precision = None
    threads: Threads = None
    records_only: Annotated[
        bool,
        Option("Print records to stdout; no folder unless --out, --name or --save.", flag="--json"),
    ] = False
    overwrite: Annotated[bool, Option("Replace earlier results of that name.")] = False

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        from yolokit.core.suggest import describe_unknown
        from yolokit.runtime.session import check_options
        from yolokit.runtime.sink import list_sinks

        problems = [f"provider: {text}" for text in check_options(provider=values["provider"])]
        problems += [
            f"save: {describe_unknown('output', sink, list_sinks())}"
            for sink in values["save"] or ()
            if sink not in list_sinks()
        ]
        if values["save"] == ():
            problems.append(f"save: is empty; the known ones are {', '.join(list_sinks())}")
        if "" in values.get("sources", ()):
            problems.append("sources: one of them has an empty name")
        return problems + find_name_problems(values)

    @property
    def uris(self) -> tuple[str, ...]:
        """The sources, as they were given."""
        return tuple(list_paths(self.sources))

    @property
    def folder(self) -> Path | None:
        """The folder that is asked for; None for a fresh one, called after the model."""
        if self.out is not None:
            return Path(self.out)
        return None if self.name is None else RUNS / self.name
