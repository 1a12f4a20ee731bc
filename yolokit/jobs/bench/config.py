"""The options of ``yolokit bench``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeAlias

from msgspec import Meta

from yolokit.core.config import Config
from yolokit.core.options import AnyPath, Option, Positive, Share, Texts
from yolokit.runtime.config import Model

LEAST_BUDGET_S = 5
Numbers: TypeAlias = tuple[int | str, ...]

_EXPORTED = "belongs to the file: `yolokit export` makes one of another size or precision"
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("imgsz", "img", "img_size", "half", "int8", "fp16"), _EXPORTED),
        "format": "is not offered: ONNX files are timed; providers says what runs them",
        "provider": "is called providers here, and takes several: --providers cpu,openvino",
        "precision": "is called precisions here, and takes several: --precisions fp32,bf16",
        "device": "is called providers here; `yolokit doctor` says which ones load",
        "time": "is called budget here",
        "split": "is not offered: accuracy is measured on the split val",
    }
)


class _Model(Config, frozen=True):
    model: Model


class BenchConfig(_Model, frozen=True, kw_only=True):
    """What is timed, for how long, and what may be given up for speed.

    ``providers``, ``precisions``, ``threads`` and ``batch`` are empty for all that makes sense.
    """

    JOB: ClassVar[str] = "bench"
    FOREIGN: ClassVar[Mapping[str, str]] = _WORDS

    source: Annotated[
        Texts,
        Option(
            "Also time the whole of `yolokit predict`, stage by stage, on these images or videos. "
            "Repeatable.",
            "SOURCE",
        ),
    ] = ()
    providers: Annotated[
        Texts, Option("Providers to try.", "NAME,...", default="all that are installed")
    ] = ()
    precisions: Annotated[
        Texts,
        Option("What they may compute in: fp32, bf16, fp16.", "NAME,...", default="all they have"),
    ] = ()
    threads: Annotated[
        Numbers, Option("Thread counts to try.", "N,...", default="1, some, and all usable cores")
    ] = ()
    batch: Annotated[
        Numbers,
        Option("Batch sizes to try, where the file leaves them open.", "N,...", default="1, 4, 8"),
    ] = ()
    data: Annotated[
        AnyPath | None,
        Option(
            "Labelled images on which a lower precision has to prove itself: data.yaml.", "FILE"
        ),
    ] = None
    max_map_drop: Annotated[
        Share | None,
        Option("Most mAP50-95 that a lower precision may cost.", "SHARE", default="0.005"),
    ] = None
    budget: Annotated[
        Annotated[int, Meta(ge=LEAST_BUDGET_S)],
        Option("All timing together takes no longer; --data takes its own time.", "SECONDS"),
    ] = 60
    rounds: Annotated[Positive, Option("Turns of each in the last comparison.", "N")] = 5
    quick: Annotated[bool, Option("A third of the budget: no other thread counts or batches.")] = (
        False
    )
    report_only: Annotated[bool, Option("Print one JSON object.", flag="--json")] = False

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        from yolokit.core.suggest import describe_unknown
        from yolokit.runtime.providers.toolkit import PRECISIONS, list_providers

        known = {"providers": list_providers(), "precisions": PRECISIONS}
        problems = [
            f"{field}: {describe_unknown(field[:-1], name, names)}"
            for field, names in known.items()
            for name in values[field]
            if name not in names
        ]
        problems += [
            f"{field}: must be whole numbers of at least 1, not {number}"
            for field in ("threads", "batch")
            for number in values[field]
            if not str(number).isdecimal() or int(number) < 1
        ]
        if values["max_map_drop"] is not None and values["data"] is None:
            problems.append("max_map_drop: has no effect without data")
        if values["quick"]:
            problems += [
                f"{field}: has no effect beside quick"
                for field in ("threads", "batch")
                if values[field]
            ]
        return problems

    @property
    def thread_counts(self) -> list[int]:
        """The thread counts that are asked for, in order."""
        return sorted(set(map(int, self.threads)))

    @property
    def batch_sizes(self) -> list[int]:
        """The batch sizes that are asked for, in order."""
        return sorted(set(map(int, self.batch)))

    @property
    def budget_s(self) -> float:
        """All timing together takes no longer."""
        return max(LEAST_BUDGET_S, self.budget / 3) if self.quick else self.budget
