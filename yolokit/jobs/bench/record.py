"""What a bench found: the structs of its result, as ``--json`` prints them."""

from __future__ import annotations

from typing import Literal

import msgspec

from yolokit.core.plural import counted
from yolokit.runtime.profiles import Machine


class Combination(msgspec.Struct, frozen=True, order=True):
    """One way to run a model."""

    provider: str
    precision: str
    threads: int
    batch: int = 1

    @property
    def engine(self) -> str:
        """What computes, without how: ``openvino bf16``."""
        return f"{self.provider} {self.precision}"

    def __str__(self) -> str:
        more = f", {counted(self.batch, 'image')} at once" if self.batch > 1 else ""
        return f"{self.engine} with {counted(self.threads, 'thread')}{more}"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a combination computes what onnxruntime does on the CPU in FP32.

    Attributes:
        verdict: ``equal`` within the parity tolerance of FP32; ``close`` within that of a lower
            precision; ``differs`` from it by more; ``wrong``: it claims FP32 and differs, or gives
            numbers that are not finite.
        box_diff_px: Largest difference between the boxes of an object that both find; of raw
            boxes, where ``compared`` is 0. Likewise ``score_diff``.
        compared: Objects that both find.
        alone: Objects that one of them finds alone.
        problem: What differs by more than it may, in words; empty where nothing does.
    """

    verdict: Literal["equal", "close", "differs", "wrong"]
    box_diff_px: float
    score_diff: float
    compared: int = 0
    alone: int = 0
    problem: str = ""


class MapDrop(msgspec.Struct, frozen=True, kw_only=True):
    """mAP50-95 of a lower precision on labelled images, beside FP32 on the CPU."""

    map50_95: float
    reference: float
    max_drop: float
    images: int

    @property
    def drop(self) -> float:
        """How much it loses."""
        return self.reference - self.map50_95

    @property
    def holds(self) -> bool:
        """Whether that is allowed."""
        return self.drop <= self.max_drop


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One combination that was timed.

    Attributes:
        rounds: Turns in which it was compared with the others; 0 where it was timed once, alone.
        runs: How often the model ran, one run after another.
        p50_ms: Half of these took no longer; likewise ``p95_ms`` and ``p99_ms``. A run is one of
            ``batch`` images.
        images_per_s: Over many images, with several runs at once, as ``predict`` has them; None
            where it was not compared.
        speedup: How many times as many images in a second as with what ``predict`` takes by
            itself, the median of the rounds; ``speedup_range`` has the lowest and the highest.
            None where that is not known.
        memory_bytes: Most resident memory of its process; None where the system does not tell.
        first_start_s: From the start of a process to its first result, with nothing compiled yet.
        start_s: The same, once its provider has kept the compiled model; None if not measured.
        check: Whether it computes the right thing.
        map_drop: What it costs in accuracy, where that was measured.
    """

    combination: Combination
    rounds: int = 0
    runs: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    images_per_s: float | None = None
    speedup: float | None = None
    speedup_range: tuple[float, float] | None = None
    memory_bytes: int | None
    first_start_s: float
    start_s: float | None = None
    check: Check
    map_drop: MapDrop | None = None

    @property
    def is_proved(self) -> bool:
        """Whether its results are known to be as good as those of FP32 on the CPU."""
        if self.check.verdict == "wrong":
            return False
        return self.check.verdict == "equal" or (self.map_drop is not None and self.map_drop.holds)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was not timed, and why."""

    what: str
    why: str


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of ``predict`` with one combination.

    Attributes:
        images: How many images it read.
        images_per_s: From the first image asked for to the last result written.
        stages_ms: Busy time of each stage, for an image; stages overlap.
    """

    combination: Combination
    images: int
    images_per_s: float
    stages_ms: dict[str, float]


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that a bench found.

    Attributes:
        model: The file; ``sha256`` is its hash.
        machine: Where.
        input_wh: Width and height in px of the input.
        pictures: How many images were used to time and to compare.
        rows: What was timed: those that were compared first, the fastest first.
        left_out: What was not timed, and why.
        default: What ``predict`` takes without a profile; None where nothing could be timed.
        default_is_untried: There was no time for what ``predict`` takes without a profile.
        best: The fastest that is proved, where it is worth taking, else the default; None where
            nothing is proved, the default is untried, or the bench was stopped early.
        faster: One that is faster than the best, and not proved to be as good.
        stages: Where the time of ``predict`` goes, for the default and the best.
        profile: The file where the best is kept for ``predict``; None where it is not.
        seconds: All of it took so long.
        is_partial: It was stopped early.
    """

    model: str
    sha256: str
    machine: Machine
    input_wh: tuple[int, int]
    pictures: int
    rows: tuple[Row, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    default: Combination | None = None
    default_is_untried: bool = False
    best: Combination | None = None
    faster: Combination | None = None
    stages: tuple[StageRow, ...] = ()
    profile: str | None = None
    seconds: float = 0.0
    is_partial: bool = False
