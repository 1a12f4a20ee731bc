"""Compares two sides: their inputs, their raw outputs, and the detections from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.export.parity.matching import MIN_SCORE, choose_threshold, judge_alone, match_sample
from yolokit.export.parity.raw import compare_raw
from yolokit.export.parity.report import SIDES, ParityReport
from yolokit.export.tolerances import Tolerance
from yolokit.runtime.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.export.parity.report import Sample
    from yolokit.runtime.detector import Detector

BATCH = 3


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
    compare_raw(comparable, detector, threshold, report)
    report.threshold = None if report.problems else threshold
    if report.threshold is not None:
        matched = [match_sample(sample, detector, report, sides) for sample in samples]
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
