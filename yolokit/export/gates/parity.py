"""The parity gate: proof that the deployed model equals the trained one.

The trained model runs in torch, unfused, on images that its own framework prepared; the exported
file runs in the deployed runtime, with the deployed letterbox and decoder. Inputs, raw outputs
and detections must agree. Rounding to fewer bits hides small faults, so of such a file its FP32
parent is compared too, as closely as FP32 must agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.errors import ParityError
from yolokit.export.gates.toolkit import Verdict
from yolokit.export.parity.compare import check_batch, check_names, compare
from yolokit.export.parity.sides import run_trained
from yolokit.export.tolerances import Tolerance, find_tolerance
from yolokit.files.digest import sha256_file
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.engine_protocol.requests import InferFacts
    from yolokit.export.config import ExportConfig
    from yolokit.export.gates.toolkit import Candidate
    from yolokit.export.parity.report import ParityReport, Sample
    from yolokit.export.parity.sides import TrainedSide


class Parity:
    """The exported model finds what the trained one finds, as closely as its precision allows."""

    name = "parity"
    rank = 1
    complaint = "the exported model does not equal the trained one"
    error = ParityError

    def __init__(self, tolerance: Tolerance) -> None:
        self.tolerance = tolerance

    def describe(self, candidate: Candidate) -> str:
        """Say how many images are compared."""
        return f"checking parity on {counted(len(candidate.images), 'image')}"

    def check(self, candidate: Candidate) -> Verdict:
        """Run all models on the same images and compare them with the trained one."""
        trained = run_trained(candidate)
        report = self._judge(candidate, trained, self.tolerance)
        exact = find_tolerance("fp32")
        if candidate.parent is not None and self.tolerance != exact:
            spec = PredictorSpec(model=str(candidate.parent), provider="cpu")
            parent = replace(
                candidate, model=candidate.parent, predictor=Predictor.load(spec), parent=None
            )
            report.parent = self._judge(parent, trained, exact)
            if report.parent.problems:
                faults = [f"already in FP32: {problem}" for problem in report.parent.problems]
                report.problems = faults + report.problems
                report.verdict = "different"
        return Verdict(self.name, report.problems, report)

    def _judge(
        self, candidate: Candidate, trained: TrainedSide, tolerance: Tolerance
    ) -> ParityReport:
        detector = candidate.predictor.detector
        samples = trained.pair(candidate.predictor)
        report = self.compare(candidate, trained.facts, samples, tolerance)
        check_names(trained.facts.names, detector.names, report)
        report.model_sha256 = sha256_file(candidate.model)
        report.weights_sha256 = candidate.digest.sha256
        return report

    def compare(
        self,
        candidate: Candidate,
        facts: InferFacts,
        samples: Sequence[Sample],
        tolerance: Tolerance,
    ) -> ParityReport:
        """Compare what both sides gave."""
        del facts
        report = compare(samples, candidate.predictor.detector, tolerance=tolerance)
        check_batch(samples, candidate.predictor, report)
        return report


def open_gate(config: ExportConfig) -> Parity:
    """Return the gate, which every export must pass."""
    tolerance = find_tolerance(config.precision)
    if "nms" not in (config.embed or ""):
        return Parity(tolerance)
    from yolokit.export.gates._reported import ReportedParity

    return ReportedParity(tolerance)
