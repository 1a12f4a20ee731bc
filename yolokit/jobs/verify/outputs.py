"""One file on two engines: its raw outputs, and the boxes from them, on the same inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.types import Frame
from yolokit.export.parity.compare import compare
from yolokit.export.parity.matching import MIN_SCORE
from yolokit.export.parity.report import ParityReport, Sample
from yolokit.export.tolerances import find_tolerance
from yolokit.runtime.predictor import Predictor, PredictorSpec, Thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import U8
    from yolokit.jobs.verify.findings import Side


def compare_engines(
    sides: tuple[Side, Side], images: Sequence[tuple[str, U8]], *, threads: int | None
) -> ParityReport:
    """Run one file on two engines, and compare as the parity gate of an export does.

    The tolerances are those of what the second engine computes in. An INT8 file has the same
    integers on both, but the engines may round between them, so its tolerances are its own.

    Raises:
        InferenceError: The file cannot be loaded or fails on one of them.
    """
    reference, other = (_load(side, threads) for side in sides)
    samples = []
    for name, bgr in images:
        (view,), (tensor,) = reference.prepare(Frame(bgr, 0, None, name))
        (expected,), (given,) = reference.infer([tensor]), other.infer([tensor])
        samples.append(
            Sample(
                name=name,
                letterbox=view.letterbox,
                trained_input=tensor,
                trained=expected,
                deployed_input=tensor,
                deployed=given,
            )
        )
    file_precision = other.detector.manifest.provenance.precision
    precision = sides[1].precision if file_precision == "fp32" else file_precision
    return compare(
        samples,
        other.detector,
        tolerance=find_tolerance(precision),
        sides=(describe_side(reference), describe_side(other)),
    )


def describe_side(predictor: Predictor) -> str:
    """Return what runs a model, such as ``cpu`` or ``openvino in bf16``."""
    detector = predictor.detector
    if detector.precision == "fp32":
        return detector.provider
    return f"{detector.provider} in {detector.precision}"


def _load(side: Side, threads: int | None) -> Predictor:
    return Predictor.load(
        PredictorSpec(
            model=str(side.path),
            provider=side.provider,
            precision=side.precision,
            threads=threads,
            thresholds=Thresholds(conf=MIN_SCORE, clip=False),
        )
    )
