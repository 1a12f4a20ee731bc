"""What a verification found, as ``verify.json`` holds it."""

from __future__ import annotations

from typing import Literal

import msgspec

import yolokit
from yolokit.evaluate.finders import ModelFacts
from yolokit.evaluate.measures.changes import ClassChange
from yolokit.evaluate.measures.differences import BoxAgreement, ImageDifference
from yolokit.evaluate.speeds import SpeedComparison
from yolokit.export.parity.report import ParityReport

SCHEMA_VERSION = 1


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was judged.

    Attributes:
        name: ``accuracy``, ``scores``, ``outputs``, ``boxes`` or ``classes``.
        holds: Whether it holds; None for what is told and decides nothing.
        text: What was found, in a sentence.
    """

    name: Literal["accuracy", "scores", "outputs", "boxes", "classes"]
    holds: bool | None
    text: str


class MapComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models measured on the same labelled images.

    Attributes:
        first: mAP50-95 of the reference.
        second: That of the other.
        first_map50: mAP50 of the reference.
        second_map50: That of the other.
        first_f1: Mean F1 of the classes by the reference, of boxes from score 0.25 up.
        second_f1: That of the other.
        lost: ``first`` less ``second``.
        max_map_drop: The most that may be lost.
        low: Lower end of the 95 % interval of ``lost`` on other images of this kind; None with
            too few images.
        high: Its upper end.
        draws: How often the images were drawn for that.
        classes: Those that lost most first.
    """

    first: float
    second: float
    first_map50: float
    second_map50: float
    first_f1: float
    second_f1: float
    lost: float
    max_map_drop: float
    low: float | None
    high: float | None
    draws: int
    classes: tuple[ClassChange, ...]


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the second model is as good as the first.

    Attributes:
        is_good: Whether every check holds that decides.
        checks: What was judged, in the order in which it is told.
        first: The reference.
        second: The model that has to be as good.
        data: Absolute path of the ``data.yaml``; None where the shipped images were used.
        split: The split of it.
        images: Images that both ran on.
        available: Images that the split has.
        unreadable: Those that could not be read.
        accuracy: mAP of both; None without a data set.
        boxes: How far the boxes that they show agree.
        outputs: Raw outputs of one file on two engines; None for two files.
        speed: Both timed in turn.
        why_not_timed: Why they were not.
        most_different: Images in which they differ most, the worst first.
        notes: What a reader has to know beside, one sentence each.
        schema_version: Raised when a key changes its meaning.
        yolokit_version: What compared them.
    """

    is_good: bool
    checks: tuple[Check, ...]
    first: ModelFacts
    second: ModelFacts
    data: str | None = None
    split: str | None = None
    images: int
    available: int
    unreadable: int = 0
    accuracy: MapComparison | None = None
    boxes: BoxAgreement
    outputs: ParityReport | None = None
    speed: SpeedComparison | None = None
    why_not_timed: str | None = None
    most_different: tuple[ImageDifference, ...] = ()
    notes: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION
    yolokit_version: str = yolokit.__version__
