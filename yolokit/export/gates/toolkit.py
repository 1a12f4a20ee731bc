"""What a gate is: one thing that an export must prove before it is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from yolokit.core.events import ignore
from yolokit.core.plugins import list_plugins, load_plugin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import msgspec

    from yolokit.core.events import OnEvent
    from yolokit.core.types import U8
    from yolokit.errors import GateError
    from yolokit.export.config import ExportConfig
    from yolokit.files.digest import FileDigest
    from yolokit.runtime.predictor import Predictor

PACKAGE = "yolokit.export.gates"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A model that is published if every gate holds.

    Attributes:
        model: The ONNX file, exactly as it would be published.
        predictor: Runs it as it would be deployed, one image at a time.
        weights: The checkpoint that it was made from.
        digest: What the checkpoint was then.
        trust: Load the checkpoint even if that runs code which is stored in it.
        images: Names and (H, W, 3) uint8 BGR arrays; no quantizer was calibrated on any of them.
        log_path: Log of the engine.
        head: The head that was asked for, which is to be compared; None for the usual one.
        parent: The FP32 file that a file of lower precision was made of, with the same manifest
            otherwise; None for an FP32 file.
        on_event: Told how far a gate has come.
    """

    model: Path
    predictor: Predictor
    weights: Path
    digest: FileDigest
    trust: bool
    images: Sequence[tuple[str, U8]]
    log_path: Path
    head: str | None = None
    parent: Path | None = None
    on_event: OnEvent = ignore


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate found.

    Attributes:
        gate: Its name.
        problems: One sentence for each thing that is wrong; none if the gate holds.
        record: What was measured, with at least ``verdict`` and ``model_sha256``. It is written
            to ``<model>.<gate>.json``, or to ``<model>.<gate>-failed.json`` without a model.
        told: What was measured in sentences for a person, where the gate holds.
        hint: What to do about the problems, beside reading the record.
    """

    gate: str
    problems: Sequence[str]
    record: msgspec.Struct
    told: Sequence[str] = ()
    hint: str | None = None


class Gate(Protocol):
    """One thing that an export must prove.

    Attributes:
        name: The name of its module in ``export/gates``.
        rank: Its place among the gates: those that are quick and say most come first.
        complaint: What is wrong with a model that fails it.
        error: What is raised then.
    """

    name: str
    rank: int
    complaint: str
    error: type[GateError]

    def describe(self, candidate: Candidate) -> str:
        """Say what it does, e.g. ``checking parity on 16 images``."""
        ...

    def check(self, candidate: Candidate) -> Verdict:
        """Judge a model; nothing is written."""
        ...


class GateModule(Protocol):
    """A module of ``export/gates``."""

    def open_gate(self, config: ExportConfig) -> Gate | None:
        """Return the gate for an export; None where there is nothing to prove.

        Raises:
            ExportError: It cannot judge a model with these options.
        """


def open_gates(config: ExportConfig) -> list[Gate]:
    """Return all gates that a model with these options must pass, in the order of their ranks."""
    modules = (
        cast(GateModule, load_plugin(PACKAGE, name, kind="gate")) for name in list_plugins(PACKAGE)
    )
    gates = [gate for module in modules if (gate := module.open_gate(config)) is not None]
    return sorted(gates, key=lambda gate: gate.rank)
