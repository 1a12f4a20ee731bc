"""A verification in words, for the command line and the page alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolokit.evaluate.finders import ModelFacts
    from yolokit.evaluate.speeds import SpeedComparison
    from yolokit.jobs.verify.record import VerifyReport


def name_models(report: VerifyReport) -> tuple[str, str]:
    """Return what the two are called: by their files, and by what runs them if it is one file."""
    first, second = report.first, report.second
    names = Path(first.path).name, Path(second.path).name
    if first.sha256 == second.sha256:
        return f"{names[0]} on {tell_engine(first)}", f"{names[1]} on {tell_engine(second)}"
    return names if names[0] != names[1] else (first.path, second.path)


def tell_engine(model: ModelFacts) -> str:
    """Return what runs a model, such as ``openvino in bf16``."""
    if model.precision == "fp32":
        return model.provider
    return f"{model.provider} in {model.precision}"


def describe_verdict(report: VerifyReport) -> str:
    """Return whether the second model is as good, in a sentence."""
    first, second = name_models(report)
    if report.is_good:
        if report.first.sha256 == report.second.sha256:
            precision = report.second.precision
            how = "" if precision == "fp32" else f", as far as {precision} can"
            return f"{second} computes what {first} does{how}"
        return f"{second} is as good as {first}"
    if report.first.sha256 == report.second.sha256:
        return f"{second} does not compute what {first} does"
    failed = {check.name for check in report.checks if check.holds is False}
    if failed <= {"boxes", "classes"}:
        return f"{second} does not find what {first} finds"
    return f"{second} is not as good as {first}"


def describe_speed(speed: SpeedComparison) -> str:
    """Return which of the two is faster here, and how sure that is."""
    words = {
        "faster": "The second model is faster here",
        "as fast": "The two are as fast as each other here",
        "slower": "The second model is slower here",
        "undecided": "Which is faster is undecided, since the rounds contradict each other",
    }
    return f"{words[speed.verdict]}: {speed.describe()} for the first."
