"""The parity gate: proof that the deployed model equals the trained one.

The trained model runs in torch, unfused, on images that its own framework prepared; the exported
file runs in the deployed runtime, with the deployed letterbox and decoder. Inputs, raw outputs
and detections must agree.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from yolokit.core.machine import usable_cores
from yolokit.core.plural import counted
from yolokit.core.types import Frame
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import InferRequest
from yolokit.errors import ParityError
from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.export.gates.toolkit import Verdict
from yolokit.export.tolerances import Tolerance, find_tolerance
from yolokit.files.digest import sha256_file
from yolokit.metrics.matching import find_ties
from yolokit.runtime.heads.toolkit import load_head
from yolokit.runtime.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32, F64, Bool, Detections, Letterbox
    from yolokit.export.config import ExportConfig
    from yolokit.export.gates.toolkit import Candidate
    from yolokit.metrics.matching import Matching
    from yolokit.runtime.detector import Detector
    from yolokit.runtime.manifest import ModelHead
    from yolokit.runtime.tasks.toolkit import Outputs

SCORE = 0.25
MIN_SCORE = 0.001
MIN_MATCHED = 20
_NO_LIMIT = 1_000_000
_BATCH = 3


class ParityReport(msgspec.Struct, kw_only=True):
    """What the gate saw. Differences are the largest over all images.

    Attributes:
        verdict: ``equal``; ``tensors only`` where the model detects nothing at any threshold
            (raw outputs were still compared); ``different``.
        problems: One sentence for each thing that is not equal.
        threshold: Score from which detections were compared.
        matched: Pairs of detections.
        unmatched: Detections of either side without a partner.
        ties: Others without one, where suppression chose between boxes that are equal but for
            rounding.
    """

    verdict: Literal["equal", "tensors only", "different"] = "different"
    problems: list[str] = msgspec.field(default_factory=list)
    images: int = 0
    non_square_images: int = 0
    threshold: float | None = None
    matched: int = 0
    unmatched: int = 0
    ties: int = 0
    max_input_diff: float = 0.0
    max_raw_box_diff_px: float = 0.0
    max_raw_score_diff: float = 0.0
    max_box_diff_px: float = 0.0
    max_score_diff: float = 0.0
    min_iou: float | None = None
    tolerance: Tolerance = msgspec.field(default_factory=Tolerance)
    image_names: list[str] = msgspec.field(default_factory=list)
    model_sha256: str = ""
    weights_sha256: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One image seen by both sides: ``trained`` in torch, ``deployed`` in the runtime.

    Attributes:
        name: The image.
        letterbox: Where it lies in the input.
        trained_input: (1, 3, H, W) float32.
        trained: Outputs by name, each without the axis of the batch.
        deployed_input: As ``trained_input``.
        deployed: As ``trained``.
    """

    name: str
    letterbox: Letterbox
    trained_input: F32
    trained: Outputs
    deployed_input: F32
    deployed: Outputs


class Parity:
    """The exported model finds what the trained one finds, as closely as its precision allows."""

    name = "parity"
    complaint = "the exported model does not equal the trained one"
    error = ParityError

    def __init__(self, tolerance: Tolerance) -> None:
        self._tolerance = tolerance

    def describe(self, candidate: Candidate) -> str:
        """Say how many images are compared."""
        return f"checking parity on {counted(len(candidate.images), 'image')}"

    def check(self, candidate: Candidate) -> Verdict:
        """Run both models on the same images and compare them."""
        samples = run_both(candidate)
        report = compare(samples, candidate.predictor.detector, tolerance=self._tolerance)
        check_batch(samples, candidate.predictor, report)
        report.model_sha256 = sha256_file(candidate.model)
        report.weights_sha256 = candidate.digest.sha256
        return Verdict(self.name, report.problems, report)


def open_gate(config: ExportConfig) -> Parity:
    """Return the gate, which every export must pass."""
    return Parity(find_tolerance(config.precision))


def run_both(candidate: Candidate) -> list[Sample]:
    """Run the checkpoint and the exported file on the same images."""
    predictor = candidate.predictor
    output_name = predictor.detector.manifest.head.output_name  # the one that the engine writes
    deployed = []
    for name, bgr in candidate.images:
        (view,), (tensor,) = predictor.prepare(Frame(bgr, 0, None, name))
        (outputs,) = predictor.infer([tensor])
        deployed.append((name, view.letterbox, tensor, outputs))
    with tempfile.TemporaryDirectory(prefix="yolokit-parity-") as scratch:
        folder = Path(scratch)
        for index, (_name, bgr) in enumerate(candidate.images):
            np.save(folder / f"{index:04d}.image.npy", bgr, allow_pickle=False)
        request = InferRequest(
            weights=str(candidate.weights),
            digest=candidate.digest,
            folder=str(folder),
            input_wh=[letterbox.input_wh for _, letterbox, _, _ in deployed],
            threads=usable_cores(),
            head=candidate.head,
            trust=candidate.trust,
        )
        run_job("infer", request, log_path=candidate.log_path)
        return [
            Sample(
                name=name,
                letterbox=letterbox,
                trained_input=np.load(folder / f"{index:04d}.input.npy", allow_pickle=False),
                trained={
                    output_name: np.load(
                        folder / f"{index:04d}.{output_name}.npy", allow_pickle=False
                    )[0]
                },
                deployed_input=tensor,
                deployed=outputs,
            )
            for index, (name, letterbox, tensor, outputs) in enumerate(deployed)
        ]


def compare(
    samples: Sequence[Sample], detector: Detector, *, tolerance: Tolerance | None = None
) -> ParityReport:
    """Compare the two sides of every sample: inputs, raw outputs, and the detections from them."""
    report = ParityReport(tolerance=tolerance or Tolerance(), provider=detector.provider)
    for sample in samples:
        report.images += 1
        report.image_names.append(sample.name)
        width, height = sample.letterbox.image_wh
        report.non_square_images += width != height
        _compare_inputs(sample, report)
        _compare_raw(sample, detector.manifest.head, report)
    report.threshold = None if report.problems else _choose_threshold(samples, detector)
    if report.threshold is not None:
        for sample in samples:
            _match_sample(sample, detector, report.threshold, report)
    if not report.problems:
        report.verdict = "equal" if report.matched else "tensors only"
    return report


def check_batch(samples: Sequence[Sample], predictor: Predictor, report: ParityReport) -> None:
    """Prove that a dynamic batch is one: three images at once give what each gives alone."""
    if predictor.detector.manifest.io.shape[0] is not None:
        return
    shape = samples[0].deployed_input.shape
    alike = [sample for sample in samples if sample.deployed_input.shape == shape]
    three = (alike * _BATCH)[:_BATCH]
    batched = Predictor(predictor.detector, replace(predictor.spec, batch=_BATCH))
    together = batched.infer([sample.deployed_input for sample in three])
    for number, (sample, outputs) in enumerate(zip(three, together, strict=True), 1):
        diff = max(
            float(np.abs(output - sample.deployed[name]).max()) for name, output in outputs.items()
        )
        if not diff <= report.tolerance.box_abs_px:
            report.problems.append(f"image {number} of a batch of {_BATCH} differs by {diff:.3g}")
            report.verdict = "different"


def _compare_inputs(sample: Sample, report: ParityReport) -> None:
    if sample.trained_input.shape != sample.deployed_input.shape:
        report.problems.append(
            f"{sample.name}: the runtime's input is {sample.deployed_input.shape}, "
            f"the trained model's {sample.trained_input.shape}"
        )
        return
    diff = float(np.abs(sample.trained_input - sample.deployed_input).max())
    report.max_input_diff = max(report.max_input_diff, diff)
    if not diff <= report.tolerance.input_abs:
        report.problems.append(
            f"{sample.name}: the prepared inputs differ by {diff:.3g} (letterbox, colour order "
            "or scale is not the one that the model was trained with)"
        )


def _compare_raw(sample: Sample, head: ModelHead, report: ParityReport) -> None:
    a, b = sample.trained[head.output_name], sample.deployed[head.output_name]
    if a.shape != b.shape:
        report.problems.append(f"{sample.name}: raw outputs are {b.shape}, trained {a.shape}")
        return
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        report.problems.append(f"{sample.name}: a raw output is not finite")
        return
    layout, limits = load_head(head.layout), report.tolerance
    (a_boxes, a_scores), (b_boxes, b_scores) = map(layout.split_comparable, (a, b))
    box_diff = _check_part(sample.name, "boxes", a_boxes, b_boxes, limits.box_abs_px, report)
    score_diff = _check_part(sample.name, "scores", a_scores, b_scores, limits.score_abs, report)
    report.max_raw_box_diff_px = max(report.max_raw_box_diff_px, box_diff)
    report.max_raw_score_diff = max(report.max_raw_score_diff, score_diff)


def _check_part(
    name: str,
    what: str,
    trained: F64,
    deployed: F64,
    limit_abs: float,
    report: ParityReport,
) -> float:
    diff = np.abs(trained - deployed)
    outside = int(np.count_nonzero(diff > limit_abs + report.tolerance.rel * np.abs(trained)))
    if outside:
        report.problems.append(
            f"{name}: {outside} of {diff.size} raw {what} differ, by up to {diff.max():.3g}"
        )
    return float(diff.max(initial=0))


def _choose_threshold(samples: Sequence[Sample], detector: Detector) -> float | None:
    """Return 0.25, or the score of the 20th detection if that is lower; None without any.

    Fewer pairs would mean too little.
    """
    scores: list[float] = []
    for sample in samples:
        found = detector.decode(sample.trained, sample.letterbox, conf=MIN_SCORE)
        scores += found.scores[:MIN_MATCHED].tolist()
    if not scores:
        return None
    scores.sort(reverse=True)
    return min(SCORE, scores[min(MIN_MATCHED, len(scores)) - 1])


def _match_sample(
    sample: Sample, detector: Detector, threshold: float, report: ParityReport
) -> None:
    limits = report.tolerance
    # A partner may score a little less; at low thresholds "a little" shrinks with them.
    lower = threshold - limits.score_margin * min(1.0, threshold / SCORE)
    # Not clipped: a box outside the image has no area left to compare. No limit on the count: a
    # box that falls off the end of the list on one side alone is not a difference.
    trained, deployed = (
        detector.decode(outputs, sample.letterbox, conf=lower, max_det=_NO_LIMIT, clip=False)
        for outputs in (sample.trained, sample.deployed)
    )
    metric = load_metric(detector.manifest.head.task)
    pairs = metric.match(
        trained, deployed, min_iou=limits.min_iou, max_score_diff=limits.score_diff
    )
    counted = trained.scores[pairs.a_index] >= threshold
    counted |= deployed.scores[pairs.b_index] >= threshold
    if counted.any():
        _measure_pairs(pairs, counted, report)
    alone = pairs.unmatched_a, pairs.unmatched_b
    # A head that chose its boxes itself leaves nothing to suppress.
    chooses = load_head(detector.manifest.head.layout).SUPPRESSES_OVERLAPS
    ties = find_ties(
        trained,
        deployed,
        *alone,
        iou_limit=np.inf if chooses else detector.manifest.head.iou,
        score_slack=2 * report.max_raw_score_diff,
    )
    for side, found, lonely, tied in zip(
        ("trained", "deployed"), (trained, deployed), alone, ties, strict=True
    ):
        above = found.scores[lonely] >= threshold
        report.ties += int((above & tied).sum())
        for index in lonely[above & ~tied]:
            report.unmatched += 1
            report.problems.append(_describe(sample.name, side, found, int(index), detector))


def _measure_pairs(pairs: Matching, counted: Bool, report: ParityReport) -> None:
    report.matched += int(counted.sum())
    report.max_box_diff_px = max(report.max_box_diff_px, float(pairs.box_diff_px[counted].max()))
    report.max_score_diff = max(report.max_score_diff, float(pairs.score_diff[counted].max()))
    lowest = float(pairs.iou[counted].min())
    report.min_iou = lowest if report.min_iou is None else min(report.min_iou, lowest)


def _describe(name: str, side: str, found: Detections, index: int, detector: Detector) -> str:
    box = ", ".join(f"{value:.1f}" for value in found.xyxy[index])
    class_name = detector.names[int(found.class_ids[index])]
    return (
        f"{name}: only the {side} model finds {class_name} at ({box}) "
        f"with score {found.scores[index]:.4f}"
    )
