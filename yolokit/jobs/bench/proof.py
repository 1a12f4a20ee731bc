"""Whether a combination computes the right thing: its outputs beside those of the CPU in FP32.

Speed without this is worthless: a provider may compute wrong without saying so.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yolokit.core.plural import counted
from yolokit.errors import InferenceError
from yolokit.export.parity.compare import compare
from yolokit.export.parity.report import Sample
from yolokit.export.tolerances import TOLERANCES, find_tolerance
from yolokit.images.files import read_image
from yolokit.jobs.bench.record import Check
from yolokit.runtime.detector import Detector
from yolokit.runtime.source import StillImages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.export.parity.report import ParityReport
    from yolokit.runtime.source import FrameSource
    from yolokit.runtime.tasks.toolkit import Outputs

PICTURES = 8
_OWN = 6  # the rest are shipped ones of other shapes


def choose_pictures(sources: Sequence[FrameSource]) -> tuple[str, ...]:
    """Return images to time and to compare on: some of the user's, the rest shipped ones."""
    own = [
        str(path) for source in sources if isinstance(source, StillImages) for path in source.paths
    ]
    chosen = own[:: max(1, len(own) // _OWN)][:_OWN]
    folder = files("yolokit.export") / "images"
    shipped = sorted(str(entry) for entry in folder.iterdir() if entry.name.endswith(".jpg"))
    return (*chosen, *shipped[::2][: PICTURES - len(chosen)])


class Reference:
    """What onnxruntime gives for some pictures on the CPU in FP32.

    Its session has one thread, this one, so that it takes nothing from what is timed.

    Attributes:
        detector: The model there.

    Raises:
        InferenceError: The model cannot be loaded, or fails.
        MissingDependencyError: onnxruntime is not installed.
        DataError: A picture cannot be read.
    """

    def __init__(self, model: Path, pictures: Sequence[str]) -> None:
        self.detector = Detector.load(model, provider="cpu", threads=1)
        self._precision = self.detector.manifest.provenance.precision
        self._samples: list[Sample] = []
        for picture in pictures:
            tensor, letterbox = self.detector.preprocess(read_image(Path(picture)))
            outputs = self.detector.infer(tensor)[0]
            self._samples.append(
                Sample(
                    name=Path(picture).name,
                    letterbox=letterbox,
                    trained_input=tensor,
                    trained=outputs,
                    deployed_input=tensor,
                    deployed=outputs,
                )
            )

    def check(self, found: Sequence[tuple[int, Outputs]], precision: str) -> Check:
        """Compare outputs with these.

        Args:
            found: Index of the picture, and what was computed for it.
            precision: What the provider says that it computes in.
        """
        report = self._compare(found, self._precision)
        if not report.problems:
            return _describe(report, "equal")
        if any("not finite" in one for one in report.problems):
            return _describe(report, "wrong", "gives numbers that are not finite")
        # However far raw outputs are apart, what is found can be compared.
        loosest = self._compare(found, "int8")
        shown = loosest if loosest.matched else report
        if precision == "fp32":
            return _describe(shown, "wrong", _tell_difference(shown))
        is_close = precision in TOLERANCES and not self._compare(found, precision).problems
        return _describe(shown, "close" if is_close else "differs", _tell_difference(shown))

    def _compare(self, found: Sequence[tuple[int, Outputs]], precision: str) -> ParityReport:
        samples = []
        for picture, outputs in found:
            own = self._samples[picture]
            samples.append(
                Sample(
                    name=own.name,
                    letterbox=own.letterbox,
                    trained_input=own.trained_input,
                    trained=own.trained,
                    deployed_input=own.trained_input,
                    deployed=outputs,
                )
            )
        if not samples:
            raise InferenceError("nothing was computed to compare")
        return compare(samples, self.detector, tolerance=find_tolerance(precision))


def _describe(
    report: ParityReport,
    verdict: Literal["equal", "close", "differs", "wrong"],
    problem: str = "",
) -> Check:
    found = report.matched > 0
    return Check(
        verdict=verdict,
        box_diff_px=report.max_box_diff_px if found else report.max_raw_box_diff_px,
        score_diff=report.max_score_diff if found else report.max_raw_score_diff,
        compared=report.matched,
        alone=report.unmatched,
        problem=problem,
    )


def _tell_difference(report: ParityReport) -> str:
    if not report.matched:
        box_px, score = report.max_raw_box_diff_px, report.max_raw_score_diff
        return f"raw boxes differ by up to {box_px:.2g} px, raw scores by up to {score:.2g}"
    alike = (
        f"{counted(report.matched, 'object')} found by both, boxes up to "
        f"{report.max_box_diff_px:.2g} px and scores up to {report.max_score_diff:.2g} apart"
    )
    return f"{alike}; {report.unmatched} found by one alone" if report.unmatched else alike
