"""The parity gate: proof that the deployed model equals the trained one.

The trained model runs in torch, unfused, on images that its own framework prepared; the exported
file runs in the deployed runtime, with the deployed letterbox and decoder. Inputs, raw outputs
and detections must agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import Frame
from yolokit.errors import ParityError
from yolokit.evaluate.checkpoint import Checkpoint
from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.export.gates.toolkit import Verdict
from yolokit.export.tolerances import Tolerance, find_tolerance
from yolokit.files.digest import sha256_file
from yolokit.metrics.matching import find_ties
from yolokit.runtime.heads.toolkit import load_head
from yolokit.runtime.model_input import plan_letterbox
from yolokit.runtime.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from yolokit.core.types import F32, F64, U8, Bool, Detections, Letterbox
    from yolokit.engine_protocol.requests import InferFacts
    from yolokit.export.config import ExportConfig
    from yolokit.export.gates.toolkit import Candidate
    from yolokit.metrics.matching import Matching
    from yolokit.runtime.detector import Detector
    from yolokit.runtime.tasks.toolkit import Outputs

SCORE = 0.25
MIN_SCORE = 0.001
MIN_MATCHED = 20
SIDES = ("the trained model", "the deployed model")
_NO_LIMIT = 1_000_000
BATCH = 3


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
        raw_outliers: Raw boxes and scores further apart than the tolerance, of which it allows a
            share.
    """

    verdict: Literal["equal", "tensors only", "different"] = "different"
    problems: list[str] = msgspec.field(default_factory=list)
    images: int = 0
    non_square_images: int = 0
    threshold: float | None = None
    matched: int = 0
    unmatched: int = 0
    ties: int = 0
    raw_outliers: int = 0
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
        deployed_input: As ``trained_input``; or (1, H, W, 3) uint8, the image, where the graph
            prepares it.
        deployed: As ``trained``.
    """

    name: str
    letterbox: Letterbox
    trained_input: F32
    trained: Outputs
    deployed_input: F32 | U8
    deployed: Outputs


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
        """Run both models on the same images and compare them."""
        facts, samples = run_both(candidate)
        detector = candidate.predictor.detector
        report = self.compare(candidate, facts, samples)
        check_names(facts.names, detector.names, report)
        report.model_sha256 = sha256_file(candidate.model)
        report.weights_sha256 = candidate.digest.sha256
        return Verdict(self.name, report.problems, report)

    def compare(
        self, candidate: Candidate, facts: InferFacts, samples: Sequence[Sample]
    ) -> ParityReport:
        """Compare what both sides gave."""
        del facts
        report = compare(samples, candidate.predictor.detector, tolerance=self.tolerance)
        check_batch(samples, candidate.predictor, report)
        return report


def open_gate(config: ExportConfig) -> Parity:
    """Return the gate, which every export must pass."""
    tolerance = find_tolerance(config.precision)
    if "nms" not in (config.embed or ""):
        return Parity(tolerance)
    from yolokit.export.gates._reported import ReportedParity

    return ReportedParity(tolerance)


def run_both(candidate: Candidate) -> tuple[InferFacts, list[Sample]]:
    """Run the checkpoint and the exported file on the same images.

    Images of odd shapes join them where the file prepares images itself.

    Returns:
        What the checkpoint is, and each image as both saw it.
    """
    predictor = candidate.predictor
    io = predictor.detector.manifest.io
    images = [*candidate.images, *(_make_odd(candidate.images) if io.kind == "image" else ())]
    deployed = []
    for name, bgr in images:
        frame = Frame(bgr, 0, None, name)
        _, (tensor,) = predictor.prepare(frame)
        (outputs,) = predictor.infer([tensor])
        deployed.append((name, plan_letterbox(frame.image_wh, io), tensor, outputs))
    checkpoint = Checkpoint(
        path=candidate.weights,
        digest=candidate.digest,
        trust=candidate.trust,
        head=candidate.head,
        log_path=candidate.log_path,
    )
    facts, trained = checkpoint.run(
        [bgr for _, bgr in images],
        [letterbox.input_wh for _, letterbox, _, _ in deployed],
        keeps_inputs=True,
    )
    samples = [
        Sample(
            name=name,
            letterbox=letterbox,
            trained_input=one.tensor,
            trained=one.outputs,
            deployed_input=tensor,
            deployed=outputs,
        )
        for (name, letterbox, tensor, outputs), one in zip(deployed, trained, strict=True)
        if one.tensor is not None
    ]
    return facts, samples


def _make_odd(images: Sequence[tuple[str, U8]]) -> Iterator[tuple[str, U8]]:
    """Yield a single pixel, strips of three, and a large image, all cut or made of one image."""
    name, bgr = images[0]
    for what, odd in (
        ("1 pixel", bgr[:1, :1]),
        ("3 rows", bgr[:3]),
        ("3 columns", bgr[:, :3]),
        ("a long strip", np.tile(bgr[:7], (1, 9, 1))),
        ("3 x 3 times", np.tile(bgr, (3, 3, 1))),
    ):
        yield f"{name}: {what}", np.ascontiguousarray(odd)


def check_names(trained: Sequence[str], deployed: Sequence[str], report: ParityReport) -> None:
    """Compare the class names, by which alone a wrong order shows: the numbers are the same."""
    if len(trained) != len(deployed):
        classes = counted(len(trained), "class", "classes")
        report.problems.append(f"the trained model has {classes}, the file {len(deployed)}")
    report.problems += [
        f"class {index} is called {own!r} in the file, {name!r} in the trained model"
        for index, (name, own) in enumerate(zip(trained, deployed, strict=False))
        if name != own
    ]
    if report.problems:
        report.verdict = "different"


def compare(
    samples: Sequence[Sample],
    detector: Detector,
    *,
    tolerance: Tolerance | None = None,
    sides: tuple[str, str] = SIDES,
) -> ParityReport:
    """Compare the two sides of every sample: inputs, raw outputs, and the detections from them.

    Args:
        samples: The images.
        detector: Decodes the outputs of both.
        tolerance: How far the two may be apart.
        sides: What the two are called in problems.
    """
    report = ParityReport(tolerance=tolerance or Tolerance(), provider=detector.provider)
    count_images(samples, report)
    for sample in samples:
        _compare_inputs(sample, report)
    comparable = [sample for sample in samples if _check_outputs(sample, detector, report)]
    found = (detector.decode(one.trained, one.letterbox, conf=MIN_SCORE) for one in samples)
    threshold = None if report.problems else choose_threshold(found)
    _compare_raw(comparable, detector, threshold, report)
    report.threshold = None if report.problems else threshold
    if report.threshold is not None:
        matched = [_match_sample(sample, detector, report, sides) for sample in samples]
        judge_alone(matched, report)
    if not report.problems:
        report.verdict = "equal" if report.matched else "tensors only"
    return report


def count_images(samples: Sequence[Sample], report: ParityReport) -> None:
    """Enter which images are compared."""
    for sample in samples:
        report.images += 1
        report.image_names.append(sample.name)
        width, height = sample.letterbox.image_wh
        report.non_square_images += width != height


def check_batch(samples: Sequence[Sample], predictor: Predictor, report: ParityReport) -> None:
    """Prove that a dynamic batch is one: three images at once give what each gives alone."""
    if predictor.detector.manifest.io.shape[0] is not None:
        return
    three = take_alike(samples, BATCH)
    batched = Predictor(predictor.detector, replace(predictor.spec, batch=BATCH))
    together = batched.infer([sample.deployed_input for sample in three])
    for number, (sample, outputs) in enumerate(zip(three, together, strict=True), 1):
        diff = max(
            float(np.abs(output - sample.deployed[name]).max()) for name, output in outputs.items()
        )
        if not diff <= report.tolerance.box_abs_px:
            report.problems.append(f"image {number} of a batch of {BATCH} differs by {diff:.3g}")
            report.verdict = "different"


def take_alike(samples: Sequence[Sample], count: int) -> Sequence[Sample]:
    """Return some samples whose inputs have one shape, over again where there are too few."""
    shape = samples[0].deployed_input.shape
    alike = [sample for sample in samples if sample.deployed_input.shape == shape]
    return (alike * count)[:count]


def _compare_inputs(sample: Sample, report: ParityReport) -> None:
    if sample.deployed_input.dtype == np.uint8:  # the image itself: its outputs must tell
        return
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


def _check_outputs(sample: Sample, detector: Detector, report: ParityReport) -> bool:
    """Tell whether the raw outputs can be compared; else that is a problem."""
    name = detector.manifest.head.output_name
    a, b = sample.trained[name], sample.deployed[name]
    if a.shape != b.shape:
        report.problems.append(f"{sample.name}: raw outputs are {b.shape}, trained {a.shape}")
        return False
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        report.problems.append(f"{sample.name}: a raw output is not finite")
        return False
    return True


def _compare_raw(
    samples: Sequence[Sample], detector: Detector, threshold: float | None, report: ParityReport
) -> None:
    """Compare raw boxes and scores; those of a model that finds little from a lower score up."""
    limits = report.tolerance
    floor = min(limits.raw_min_score, SCORE if threshold is None else threshold)
    parts = [part for one in samples for part in _list_parts(one, detector, floor, limits)]
    for what in ("boxes", "scores"):
        mine = [part for part in parts if part.what == what]
        largest = max((part.max_diff for part in mine), default=0.0)
        if what == "boxes":
            report.max_raw_box_diff_px = largest
        else:
            report.max_raw_score_diff = largest
        _judge_raw(mine, report)


def _list_parts(
    sample: Sample, detector: Detector, floor: float, limits: Tolerance
) -> Iterator[_RawPart]:
    head = detector.manifest.head
    outputs = sample.trained[head.output_name], sample.deployed[head.output_name]
    (a_boxes, a_scores), (b_boxes, b_scores) = map(load_head(head.layout).split_comparable, outputs)
    found = np.maximum(a_scores, b_scores).max(axis=0, initial=0) >= floor
    if a_boxes.size:
        yield _compare_part(sample.name, "boxes", a_boxes[:, found], b_boxes[:, found], limits)
    yield _compare_part(sample.name, "scores", a_scores[:, found], b_scores[:, found], limits)


@dataclass(frozen=True, slots=True)
class _RawPart:
    """The boxes or the scores of one image: how many were compared, and how many differ."""

    what: Literal["boxes", "scores"]
    compared: int
    outside: int
    max_diff: float
    problem: str


def _compare_part(
    name: str, what: Literal["boxes", "scores"], trained: F64, deployed: F64, limits: Tolerance
) -> _RawPart:
    """Compare (., N) values, a column for each place of a box."""
    diff = np.abs(trained - deployed)
    limit_abs = limits.box_abs_px if what == "boxes" else limits.score_abs
    outside = int((diff > limit_abs + limits.rel * np.abs(trained)).any(axis=0).sum())
    max_diff = float(diff.max(initial=0))
    problem = f"{name}: {outside} of {diff.shape[1]} raw {what} differ, by up to {max_diff:.3g}"
    return _RawPart(what, diff.shape[1], outside, max_diff, problem)


def _judge_raw(parts: Sequence[_RawPart], report: ParityReport) -> None:
    """Refuse boxes or scores of which more differ than may, over all images."""
    compared = sum(part.compared for part in parts)
    outside = sum(part.outside for part in parts)
    report.raw_outliers += outside
    if outside > report.tolerance.outlier_share * compared:
        report.problems += [part.problem for part in parts if part.outside]


def choose_threshold(found: Iterable[Detections]) -> float | None:
    """Return 0.25, or the score of the 20th detection if that is lower; None without any.

    Fewer pairs would mean too little. ``found`` has each image's, from ``MIN_SCORE`` up.
    """
    scores: list[float] = [score for one in found for score in one.scores[:MIN_MATCHED].tolist()]
    if not scores:
        return None
    scores.sort(reverse=True)
    return min(SCORE, scores[min(MIN_MATCHED, len(scores)) - 1])


def lower_threshold(threshold: float, limits: Tolerance) -> float:
    """Return the score that a partner must have; at low thresholds "a little less" shrinks."""
    return threshold - limits.score_margin * min(1.0, threshold / SCORE)


class Matched(NamedTuple):
    """What one image shows of both sides.

    Attributes:
        apart_px: (K,) how far the boxes of each pair are apart, in px of the image.
        alone: A sentence for each detection without a partner.
    """

    apart_px: F64
    alone: list[str]


def _match_sample(
    sample: Sample, detector: Detector, report: ParityReport, sides: tuple[str, str]
) -> Matched:
    threshold = report.threshold or 0
    lower = lower_threshold(threshold, report.tolerance)
    # Not clipped: a box outside the image has no area left to compare. No limit on the count: a
    # box that falls off the end of the list on one side alone is not a difference.
    trained, deployed = (
        detector.decode(outputs, sample.letterbox, conf=lower, max_det=_NO_LIMIT, clip=False)
        for outputs in (sample.trained, sample.deployed)
    )
    # A head that chose its boxes itself leaves nothing to suppress.
    chooses = load_head(detector.manifest.head.layout).SUPPRESSES_OVERLAPS
    return match_found(
        sample.name,
        (trained, deployed),
        detector,
        report,
        threshold=threshold,
        iou_limit=np.inf if chooses else detector.manifest.head.iou,
        score_slack=2 * report.max_raw_score_diff,
        sides=sides,
    )


def match_found(
    name: str,
    found: tuple[Detections, Detections],
    detector: Detector,
    report: ParityReport,
    *,
    threshold: float,
    iou_limit: float,
    score_slack: float,
    sides: tuple[str, str] = SIDES,
) -> Matched:
    """Match the detections of the trained and of the deployed model in one image.

    Args:
        name: The image.
        found: Of both, from somewhat below the threshold up.
        detector: The deployed model.
        report: Gets what was matched.
        threshold: Score from which a detection must have a partner.
        iou_limit: As for ``find_ties``.
        score_slack: As for ``find_ties``.
        sides: What the two are called in problems.

    Returns:
        How far the pairs are apart, and what has no partner; ``judge_alone`` judges that.
    """
    (trained, deployed), limits = found, report.tolerance
    metric = load_metric(detector.manifest.head.task)
    pairs = metric.match(
        trained, deployed, min_iou=limits.min_iou, max_score_diff=limits.score_diff
    )
    counted = trained.scores[pairs.a_index] >= threshold
    counted |= deployed.scores[pairs.b_index] >= threshold
    if counted.any():
        _measure_pairs(pairs, counted, report)
    alone = pairs.unmatched_a, pairs.unmatched_b
    ties = find_ties(trained, deployed, *alone, iou_limit=iou_limit, score_slack=score_slack)
    problems = []
    for side, own, lonely, tied in zip(sides, found, alone, ties, strict=True):
        above = own.scores[lonely] >= threshold
        report.ties += int((above & tied).sum())
        problems += [
            _describe(name, side, own, int(index), detector) for index in lonely[above & ~tied]
        ]
    return Matched(pairs.box_diff_px[counted], problems)


def judge_alone(matched: Sequence[Matched], report: ParityReport) -> None:
    """Refuse detections without a partner, if they are more of all than may be."""
    alone = [problem for one in matched for problem in one.alone]
    pairs = sum(len(one.apart_px) for one in matched)
    report.unmatched += len(alone)
    if len(alone) > report.tolerance.alone_share * (len(alone) + pairs):
        report.problems += alone


def _measure_pairs(pairs: Matching, counted: Bool, report: ParityReport) -> None:
    report.matched += int(counted.sum())
    report.max_box_diff_px = max(report.max_box_diff_px, float(pairs.box_diff_px[counted].max()))
    report.max_score_diff = max(report.max_score_diff, float(pairs.score_diff[counted].max()))
    lowest = float(pairs.iou[counted].min())
    report.min_iou = lowest if report.min_iou is None else min(report.min_iou, lowest)


def _describe(name: str, side: str, found: Detections, index: int, detector: Detector) -> str:
    box = ", ".join(f"{value:.1f}" for value in found.xyxy[index])
    class_name = detector.names[int(found.class_ids[index])]
    return f"{name}: only {side} finds {class_name} at ({box}) with score {found.scores[index]:.4f}"
