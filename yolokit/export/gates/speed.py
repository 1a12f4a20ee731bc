"""The speed gate: a file of lower precision is at least as fast as its FP32 parent, here.

Both are timed in turn on this machine, each in a process of its own. Where the
rounds contradict each other the gate says that it cannot tell, and holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.core.events import Progress
from yolokit.errors import GateError
from yolokit.evaluate.speeds import SpeedComparison, compare_speed
from yolokit.export.gates.toolkit import Verdict
from yolokit.files.digest import sha256_file
from yolokit.runtime.latency import TimingSpec

if TYPE_CHECKING:
    from yolokit.export.config import ExportConfig
    from yolokit.export.gates.toolkit import Candidate

# What an INT8 file is made for is what it is timed on; others on what a prediction would take.
_PROVIDERS = {"onnxruntime": "cpu", "openvino": "openvino"}
_WORDS = {
    "faster": "faster than the FP32 file here",
    "as fast": "as fast as the FP32 file here",
    "slower": "slower than the FP32 file here, as --allow-slower allows",
    "undecided": "whether it is faster than the FP32 file is undecided, since the rounds "
    "contradict each other",
}


class SpeedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate saw.

    Attributes:
        verdict: As in :class:`SpeedComparison`, of the file beside its FP32 parent.
        allow_slower: Whether a slower file may be published.
        comparison: The FP32 parent first, then the file.
        model_sha256: What the file was.
        parent_sha256: What its parent was.
    """

    verdict: Literal["faster", "as fast", "slower", "undecided"]
    allow_slower: bool
    comparison: SpeedComparison
    model_sha256: str
    parent_sha256: str


class Speed:
    """The file is not slower than the FP32 file of the same checkpoint."""

    name = "speed"
    rank = 3
    complaint = "the exported file is slower than the FP32 file of the same checkpoint"
    error = GateError

    def __init__(self, provider: str, *, allow_slower: bool) -> None:
        self._provider = provider
        self._allow_slower = allow_slower

    def describe(self, candidate: Candidate) -> str:
        """Say what is timed."""
        del candidate
        return "timing the file and its FP32 parent in turn"

    def check(self, candidate: Candidate) -> Verdict:
        """Time both and compare them."""
        if candidate.parent is None:
            raise GateError("there is no FP32 file to compare the speed with")
        parent, own = (
            TimingSpec(model=str(model), provider=self._provider)
            for model in (candidate.parent, candidate.model)
        )
        comparison = compare_speed(
            parent,
            own,
            on_turn=lambda done, total: candidate.on_event(Progress("timing", done, total)),
        )
        record = SpeedRecord(
            verdict=comparison.verdict,
            allow_slower=self._allow_slower,
            comparison=comparison,
            model_sha256=sha256_file(candidate.model),
            parent_sha256=sha256_file(candidate.parent),
        )
        figures = f"{comparison.describe()} for FP32, both on {comparison.second.provider}"
        is_refused = record.verdict == "slower" and not self._allow_slower
        return Verdict(
            self.name,
            [figures] if is_refused else [],
            record,
            told=(f"{_WORDS[record.verdict]}: {figures}",),
            hint="--allow-slower publishes it all the same, such as for another machine",
        )


def open_gate(config: ExportConfig) -> Speed | None:
    """Return the gate, where there is an FP32 file to compare with."""
    if config.precision == "fp32":
        return None
    provider = _PROVIDERS[config.int8_for] if config.precision == "int8" else "auto"
    return Speed(provider, allow_slower=config.allow_slower)
