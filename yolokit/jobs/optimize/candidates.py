"""What is tried: a file, made by a recipe, on an engine."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from yolokit.core.plural import counted

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is made of the trained model; what is beside ``precision`` is of 8-bit numbers.

    Attributes:
        precision: Of the file.
        method: How the ranges of activations are found; None for the quantizer's own choice.
        symmetric: Whether these ranges lie evenly around 0.
        placement: Where integers are computed with: in ``operators``, which suits onnxruntime, or
            at the ``inputs`` of convolutions alone, which suits OpenVINO.
        float_groups: How many groups of layers stay in float, those that lose most first.
    """

    precision: Precision
    method: str | None = None
    symmetric: bool = False
    placement: Literal["operators", "inputs"] = "operators"
    float_groups: int = 0

    @property
    def key(self) -> str:
        """A name for files."""
        is_at_inputs = self.placement == "inputs"
        parts = [self.precision, "inputs" * is_at_inputs, self.method, "symmetric" * self.symmetric]
        parts.append(f"float{self.float_groups}" if self.float_groups else None)
        return "-".join(filter(None, parts))

    @property
    def title(self) -> str:
        """A name for people."""
        is_at_inputs = self.placement == "inputs"
        details = ["inputs" * is_at_inputs, self.method, "symmetric" * self.symmetric]
        if self.float_groups:
            details.append(f"{counted(self.float_groups, 'layer')} in float")
        stated = ", ".join(filter(None, details))
        return f"{self.precision} ({stated})" if stated else self.precision


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """What runs a file.

    Attributes:
        provider: Name of an execution provider.
        precision: What it computes an FP32 file in.
        threads: None for those of the search.
    """

    provider: str
    precision: str = "fp32"
    threads: int | None = None

    @property
    def key(self) -> str:
        """A name for files."""
        threads = None if self.threads is None else str(self.threads)
        return "-".join(filter(None, (self.provider, self.precision, threads)))

    @property
    def title(self) -> str:
        """A name for people; FP32 is what an engine computes in unless it is told otherwise."""
        title = self.provider if self.precision == "fp32" else f"{self.provider} {self.precision}"
        return title if self.threads is None else f"{title}, {counted(self.threads, 'thread')}"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A file on an engine."""

    recipe: Recipe
    engine: Engine

    @property
    def key(self) -> str:
        """A name for files."""
        return f"{self.recipe.key}.{self.engine.key}"

    @property
    def title(self) -> str:
        """A name for people."""
        return f"{self.recipe.title} on {self.engine.title}"


# What all others are compared with: FP32 on onnxruntime's CPU provider.
PARENT = Candidate(recipe=Recipe(precision="fp32"), engine=Engine(provider="cpu"))


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The time of one image in the model, without reading, letterbox and decoding.

    Attributes:
        p50_ms: Median of all runs.
        p95_ms: What one in twenty runs exceeds.
        parent_ms: Median of the parent, which ran in turn with it.
        speedups: Parent's time by the candidate's, of each round.
    """

    p50_ms: float
    p95_ms: float
    parent_ms: float
    speedups: tuple[float, ...]

    @property
    def speedup(self) -> float:
        """The median of the rounds."""
        ordered = sorted(self.speedups)
        middle = len(ordered) // 2
        if len(ordered) % 2:
            return ordered[middle]
        return (ordered[middle - 1] + ordered[middle]) / 2


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Accuracy on a split, or on a part of it."""

    map50_95: float
    map50: float
    images: int
    split: str = "val"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a candidate; a file of its own in the folder of the search.

    Attributes:
        candidate: What was tried.
        state: ``measured``; ``slower`` than its parent, so that its accuracy does not matter;
            ``hopeless`` already on a part of val; ``failed`` where it cannot be made or run.
        why: Why it failed, in a sentence.
        latency: None where it never ran.
        score: On val; on a part of val of a hopeless one, None of a slower or failed one.
        part_drop: mAP50-95 that was lost on a part of val, where that was looked at.
        model_sha256: Of the file; empty where there is none.
        size_bytes: Of the file.
        seconds: What it took to find out.
    """

    candidate: Candidate
    state: Literal["measured", "slower", "hopeless", "failed"]
    why: str = ""
    latency: Latency | None = None
    score: Score | None = None
    part_drop: float | None = None
    model_sha256: str = ""
    size_bytes: int = 0
    seconds: float = 0.0
