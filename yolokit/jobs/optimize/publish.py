"""The winner of a search: proved once more on its engine by the gates of an export, and published.

The proofs are of the file and the engine that won: parity and accuracy against the trained model,
speed against FP32 on onnxruntime's CPU provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from yolokit.core.events import Progress
from yolokit.core.plural import counted
from yolokit.engine_protocol.shared import share_process
from yolokit.errors import GateError
from yolokit.evaluate.finders import DeployedModel
from yolokit.evaluate.speeds import compare_speed
from yolokit.export.gates.accuracy import AccuracyGate, AccuracyRecord
from yolokit.export.gates.parity import Parity
from yolokit.export.gates.speed import SpeedRecord
from yolokit.export.gates.toolkit import Candidate, Verdict
from yolokit.export.publish import MODEL, proof_path, publish
from yolokit.export.run import prove
from yolokit.export.samples import load_gate_images
from yolokit.export.tolerances import find_tolerance
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import Replacing
from yolokit.jobs.optimize.candidates import PARENT
from yolokit.jobs.optimize.ranking import list_speed_misses
from yolokit.jobs.optimize.record import (
    MODEL_NAME,
    PUBLISHED_FILE,
    Published,
    read_published,
    write_published,
)
from yolokit.runtime.predictor import Predictor, PredictorSpec
from yolokit.runtime.profiles import Profile, describe_machine, keep_profile

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.export.gates.toolkit import Gate
    from yolokit.jobs.optimize.ranking import Place, Ranking
    from yolokit.jobs.optimize.workshop import Workshop

_GATES = ("parity", "accuracy", "speed")


def publish_winner(workshop: Workshop, winner: Place, ranking: Ranking) -> Published:
    """Publish the winner as ``best.onnx``, unless it is published already.

    Raises:
        GateError: A gate does not hold; nothing is published then.
    """
    folder, model = workshop.folder, workshop.find_model(winner.candidate.recipe)
    known = read_published(folder)
    if known is not None and _is_still_so(known, folder, winner, ranking):
        return known
    withdraw(folder)
    candidate = _describe(workshop, winner, model)
    gates = _open_gates(workshop, winner, ranking, candidate)
    out = folder / MODEL_NAME
    with share_process():
        verdicts = prove(candidate, gates, out, workshop.on_event)
    manifest = candidate.predictor.detector.manifest
    publish(model, out, manifest, verdicts, Replacing(result=MODEL, wanted=True))
    has_test, engine = workshop.has_test, winner.candidate.engine
    records = [one.record for one in verdicts]
    accuracy = next(one for one in records if isinstance(one, AccuracyRecord))
    published = Published(
        candidate=winner.candidate,
        limits=ranking.limits,
        model_sha256=sha256_file(out),
        low=accuracy.low,
        high=accuracy.high,
        profile=_keep_profile(workshop, winner, ranking, out),
        test=workshop.score(model, engine, "test") if has_test else None,
        trained_test=workshop.score_trained("test") if has_test else None,
    )
    write_published(folder, published)
    return published


def withdraw(folder: Path) -> None:
    """Remove what was published of a search: the model first, so that none is without a proof."""
    out = folder / MODEL_NAME
    proofs = (proof_path(out, gate) for gate in _GATES)
    for path in (out, out.with_suffix(".json"), *proofs, folder / PUBLISHED_FILE):
        path.unlink(missing_ok=True)


def _is_still_so(known: Published, folder: Path, winner: Place, ranking: Ranking) -> bool:
    out = folder / MODEL_NAME
    is_same = (known.candidate, known.limits) == (winner.candidate, ranking.limits)
    is_there = out.is_file() and sha256_file(out) == known.model_sha256
    return is_same and is_there and known.model_sha256 == winner.outcome.model_sha256


def _describe(workshop: Workshop, winner: Place, model: Path) -> Candidate:
    """Return the winner as a gate judges it: on its own engine."""
    engine, checkpoint = winner.candidate.engine, workshop.checkpoint
    spec = PredictorSpec(
        model=str(model),
        provider=engine.provider,
        precision=engine.precision,
        threads=engine.threads or workshop.threads,
    )
    return Candidate(
        model=model,
        predictor=Predictor.load(spec),
        weights=checkpoint.path,
        digest=checkpoint.digest,
        trust=checkpoint.trust,
        images=load_gate_images(workshop.data),
        log_path=checkpoint.log_path,
        parent=workshop.find_model(PARENT.recipe),
        on_event=workshop.on_event,
    )


def _open_gates(
    workshop: Workshop, winner: Place, ranking: Ranking, candidate: Candidate
) -> list[Gate]:
    precision = DeployedModel(candidate.predictor).facts.lowest_precision
    gates: list[Gate] = [
        cast("Gate", Parity(find_tolerance(precision))),
        AccuracyGate(workshop.load("val"), ranking.limits.max_map_drop),
    ]
    if winner.candidate != PARENT:
        gates.append(SpeedOfWinner(workshop, winner, ranking))
    return gates


def _keep_profile(workshop: Workshop, winner: Place, ranking: Ranking, out: Path) -> str:
    """Let ``yolokit predict`` on this machine run the file as it was measured."""
    engine = winner.candidate.engine
    images = counted(len(workshop.load("val").images), "image")
    kept = keep_profile(
        Profile(
            model=str(out),
            sha256=sha256_file(out),
            machine=describe_machine(),
            provider=engine.provider,
            precision=engine.precision,
            threads=engine.threads or workshop.threads,
            p50_ms=winner.latency_ms,
            default_p50_ms=ranking.parent_ms,
            proof=f"mAP50-95 {ranking.trained_map - (winner.drop or 0):.4f} against "
            f"{ranking.trained_map:.4f} of the trained model, on {images} of val",
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
        workshop.on_event,
    )
    return str(kept) if kept else ""


@dataclass(frozen=True, slots=True)
class SpeedOfWinner:
    """The winner is as fast as the limits ask when it is timed once more; see :class:`Gate`."""

    workshop: Workshop
    winner: Place
    ranking: Ranking

    name = "speed"
    rank = 3
    complaint = "the winner is not as fast when it is timed once more"
    error = GateError

    def describe(self, candidate: Candidate) -> str:
        """Say what is timed."""
        del candidate
        return f"timing {self.winner.candidate.title} and {PARENT.title} in turn"

    def check(self, candidate: Candidate) -> Verdict:
        """Time both, and compare them with the limits."""
        assert candidate.parent is not None, "every winner is compared with the FP32 file"
        workshop = self.workshop
        comparison = compare_speed(
            workshop.describe_timing(candidate.parent, PARENT.engine),
            workshop.describe_timing(candidate.model, self.winner.candidate.engine),
            on_turn=lambda done, total: workshop.on_event(Progress("timing", done, total, "turns")),
        )
        record = SpeedRecord(
            verdict=comparison.verdict,
            allow_slower=False,
            comparison=comparison,
            model_sha256=sha256_file(candidate.model),
            parent_sha256=sha256_file(candidate.parent),
        )
        latency_ms = self.ranking.parent_ms / comparison.speedup
        problems = list_speed_misses(self.ranking.limits, comparison.speedup, latency_ms)
        if record.verdict == "slower":
            problems.append(f"it is slower than its parent: {comparison.describe()}")
        told = f"speed: {comparison.describe()} for {PARENT.title}"
        return Verdict(self.name, problems, record, told=(told,))
