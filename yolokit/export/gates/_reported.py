"""Parity of a file that reports boxes: its graph holds the suppression, maybe the letterbox too.

Its raw outputs cannot be seen, so boxes are compared, at several thresholds that the graph is
given, with those of the trained model in torch, whose outputs the runtime's own decoder reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.types import Letterbox
from yolokit.export.gates.parity import Parity
from yolokit.export.graph import list_ports
from yolokit.export.parity.compare import BATCH, count_images, take_alike
from yolokit.export.parity.matching import (
    MIN_SCORE,
    choose_threshold,
    judge_alone,
    lower_threshold,
    match_found,
)
from yolokit.export.parity.report import ParityReport
from yolokit.runtime.box_ports import make_feeds
from yolokit.runtime.heads.toolkit import load_head
from yolokit.runtime.manifest import ModelHead
from yolokit.runtime.tasks.toolkit import Limits, load_task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F32, Detections
    from yolokit.engine_protocol.requests import InferFacts
    from yolokit.export.gates.toolkit import Candidate
    from yolokit.export.parity.matching import Matched
    from yolokit.export.parity.report import Sample
    from yolokit.export.tolerances import Tolerance
    from yolokit.runtime.detector import Detector

_OTHER_IOU = 0.3  # far from every default, so that a threshold that is baked in shows
_LOWER = 0.2  # part of the threshold, for a question where single boxes have several classes
_FEW = 3
_ALL = 1_000_000
_SPARE = 100  # rows beyond what the trained model finds, for what the file finds alone


class ReportedParity(Parity):
    """The boxes that a file reports are those of the trained model, whatever it is asked for."""

    def compare(
        self,
        candidate: Candidate,
        facts: InferFacts,
        samples: Sequence[Sample],
        tolerance: Tolerance,
    ) -> ParityReport:
        """Compare the defaults, the boxes at several thresholds, and a batch."""
        detector = candidate.predictor.detector
        sides = _Sides(detector, facts)
        report = ParityReport(tolerance=tolerance, provider=detector.provider)
        count_images(samples, report)
        report.problems += _check_defaults(candidate, detector)
        usual = Limits(
            min_score=MIN_SCORE, max_iou=detector.manifest.head.iou, max_det=_ALL, clip=False
        )
        report.threshold = choose_threshold(sides.decode(one, usual) for one in samples)
        if report.threshold is not None:
            usual = replace(usual, min_score=report.threshold)
            _compare_boxes(sides, samples, usual, report)
            _compare_boxes(sides, samples, replace(usual, max_iou=_OTHER_IOU), report)
            low = replace(usual, min_score=report.threshold * _LOWER, multi_label=True)
            _compare_boxes(sides, samples, low, report)
            report.problems += _check_max_det_and_clip(sides, samples, usual)
            if detector.manifest.io.shape[0] is None:
                _compare_batch(sides, samples, usual, report)
        if not report.problems:
            report.verdict = "equal" if report.matched else "tensors only"
        return report


@dataclass(frozen=True, slots=True)
class _Sides:
    """Finds the boxes of both sides.

    Attributes:
        detector: The deployed file.
        facts: What the checkpoint is.
    """

    detector: Detector
    facts: InferFacts

    def decode(self, sample: Sample, limits: Limits) -> Detections:
        """Return what the trained model found in an image, in its px."""
        head = ModelHead(
            output_name=self.facts.outputs[0], layout=self.facts.layout, names=self.detector.names
        )
        return load_task(head.task).decode(sample.trained, sample.letterbox, head, limits)

    def find(self, samples: Sequence[Sample], limits: Limits) -> Iterator[Detections]:
        """Yield what the file reports of each image, all of which it gets as one batch."""
        io, head = self.detector.manifest.io, self.detector.manifest.head
        inputs = np.concatenate([sample.deployed_input for sample in samples])
        outputs = self.detector.infer(inputs, limits=limits)
        for sample, own in zip(samples, outputs, strict=True):
            letterbox = sample.letterbox
            if io.kind == "image":  # boxes are in its px already
                letterbox = Letterbox(1.0, (0, 0), letterbox.image_wh, letterbox.image_wh)
            yield load_task(head.task).decode(own, letterbox, head, limits)

    def report(self, sample: Sample, limits: Limits) -> F32:
        """Return the rows (max_det, 6) of one image, as they come out of the file."""
        (outputs,) = self.detector.infer(sample.deployed_input, limits=limits)
        return outputs[self.detector.manifest.head.output_name]

    def match(
        self, name: str, found: tuple[Detections, Detections], limits: Limits, report: ParityReport
    ) -> Matched:
        """Match what was found from somewhat below ``limits.min_score`` up; see match_found."""
        chooses = load_head(self.facts.layout).SUPPRESSES_OVERLAPS  # nothing was to suppress
        return match_found(
            name,
            found,
            self.detector,
            report,
            threshold=limits.min_score,
            iou_limit=np.inf if chooses else limits.max_iou,
            score_slack=2 * report.tolerance.score_abs,
        )


def _check_defaults(candidate: Candidate, detector: Detector) -> Iterator[str]:
    """Compare what the file takes for an input that is left out with what its manifest states."""
    ports = list_ports(candidate.model)
    defaults = {port.name: port.default for port in ports.inputs if port.default is not None}
    stated = make_feeds(detector.manifest.head, detector.plan_limits())
    for name, values in stated.items():
        if name not in defaults or not np.array_equal(
            np.array(defaults[name], values.dtype), values
        ):
            yield (
                f"the input {name} is {defaults.get(name)} where it is left out, and the manifest "
                f"says {values.tolist()}"
            )


def _compare_boxes(
    sides: _Sides, samples: Sequence[Sample], limits: Limits, report: ParityReport
) -> None:
    """Compare the boxes of all images with some limits, in whose ``max_det`` all of them fit.

    Half of them must be as close as raw boxes must be: a shift that is too small to part the
    pairs moves them all.
    """
    lower = replace(limits, min_score=lower_threshold(limits.min_score, report.tolerance))
    matched, apart_px = [], []
    for sample in samples:
        trained = sides.decode(sample, lower)
        own = replace(lower, max_det=len(trained) + _SPARE)
        (deployed,) = sides.find([sample], own)
        matched.append(sides.match(sample.name, (trained, deployed), limits, report))
        apart_px.append(matched[-1].apart_px * sample.letterbox.scale)
    judge_alone(matched, report)
    every_px = np.concatenate(apart_px)
    limit_px = report.tolerance.box_abs_px + report.tolerance.rel * max(
        sides.detector.manifest.io.input_wh
    )
    if len(every_px) and not np.median(every_px) <= limit_px:
        report.problems.append(
            f"boxes are {np.median(every_px):.3g} input px apart, half of them or more (the "
            "letterbox is not the one that the model was trained with)"
        )


def _check_max_det_and_clip(
    sides: _Sides, samples: Sequence[Sample], limits: Limits
) -> Iterator[str]:
    """Ask for few boxes, and for clipped ones: they follow from those that were compared."""
    is_image = sides.detector.manifest.io.kind == "image"
    for sample in samples:
        every = sides.report(sample, replace(limits, max_det=_SPARE))
        few = sides.report(sample, replace(limits, max_det=_FEW))
        if not np.array_equal(few, every[:_FEW]):
            yield f"{sample.name}: max_det {_FEW} gives other rows than the first {_FEW}"
        if is_image:
            clipped = sides.report(sample, replace(limits, max_det=_SPARE, clip=True))
            limit = np.array([*sample.letterbox.image_wh] * 2, np.float32)
            if not np.array_equal(clipped[:, :4], np.clip(every[:, :4], np.float32(0), limit)):
                yield f"{sample.name}: the input clip does not clip boxes to the image"


def _compare_batch(
    sides: _Sides, samples: Sequence[Sample], limits: Limits, report: ParityReport
) -> None:
    """Prove that a dynamic batch is one: three images at once give what each gives alone."""
    three = take_alike(samples, BATCH)
    own = replace(limits, max_det=_SPARE)
    for number, (sample, together) in enumerate(zip(three, sides.find(three, own), strict=True), 1):
        (alone,) = sides.find([sample], own)
        batch = ParityReport(tolerance=report.tolerance)
        name = f"image {number} of a batch of {BATCH}"
        judge_alone([sides.match(name, (alone, together), limits, batch)], batch)
        report.problems += [
            problem.replace("only the trained model finds", "its boxes differ from those alone:")
            for problem in batch.problems
        ]
