"""The export job: trace, simplify, quantize, describe, verify, and only then publish."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.checkpoints.reading import explain_unreadable
from yolokit.core.events import OnEvent, Phase, ignore
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import ExportRequest
from yolokit.engine_protocol.shared import share_process
from yolokit.errors import ConfigError, JobCancelledError, WeightsError
from yolokit.export.describe import describe_network
from yolokit.export.embed.join import describe_embedded, embed_parts
from yolokit.export.gates.toolkit import Candidate, Gate, Verdict, open_gates
from yolokit.export.graph import describe_graph, simplify_graph
from yolokit.export.publish import ExportArtifact, keep_failure, place, publish
from yolokit.export.quantize import plan_quantization
from yolokit.export.samples import load_gate_images
from yolokit.files.digest import digest_weights
from yolokit.files.regular_file import is_folder, is_there, why_no_file
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.export.config import ExportConfig
    from yolokit.export.quantizers.toolkit import QuantSettings
    from yolokit.files.digest import FileDigest
    from yolokit.runtime.manifest import ModelManifest

_PROBLEMS_SHOWN = 5


def export_model(
    config: ExportConfig, on_event: OnEvent = ignore, *, settings: QuantSettings | None = None
) -> ExportArtifact:
    """Export a checkpoint and publish it if every gate holds: it equals what was trained.

    Args:
        config: What to export and how.
        on_event: Told what is being done.
        settings: How to quantize; None for what the config asks for.

    Raises:
        ConfigError: The output exists and is not to be replaced.
        WeightsError: The checkpoint is missing or cannot be loaded.
        GateError: A gate does not hold, such as a ParityError where the exported model differs;
            ``<stem>.<gate>-failed.json`` says how.
    """
    weights, digest = find_checkpoint(Path(config.weights), trusted=config.trust is not None)
    gates = open_gates(config)
    out, replacing = place(config, weights, gates)
    images = load_gate_images(Path(config.data) if config.data else None)
    log_path = out.with_suffix(".export.log")  # stays only if something goes wrong
    scratch_dir = tempfile.TemporaryDirectory(prefix="yolokit-export-")
    with _kept_on_failure(log_path), scratch_dir as scratch, share_process():
        folder = Path(scratch)
        network, manifest = _make_network(config, weights, digest, folder, log_path, on_event)
        parent = None
        if config.precision != "fp32":
            parent = _finish(config, network, folder / "parent.onnx", manifest)
            plan = plan_quantization(config, images, manifest, settings)
            network = plan.run(network, folder / "quantized.onnx", on_event)
            manifest = plan.describe(manifest, on_event)
        model = _finish(config, network, folder / "model.onnx", manifest)
        candidate = Candidate(
            model=model,
            predictor=_load(model),
            weights=weights,
            digest=digest,
            trust=config.trust is not None,
            head=config.head,
            images=images,
            log_path=log_path,
            parent=parent,
            on_event=on_event,
        )
        verdicts = prove(candidate, gates, out, on_event)
        manifest = candidate.predictor.detector.manifest
        return publish(model, out, manifest, verdicts, replacing)


@contextlib.contextmanager
def _kept_on_failure(log_path: Path) -> Iterator[None]:
    """Remove a log unless something went wrong that it says more of."""
    try:
        yield
    except (KeyboardInterrupt, JobCancelledError, ConfigError):
        log_path.unlink(missing_ok=True)
        raise
    log_path.unlink(missing_ok=True)


def find_checkpoint(path: Path, *, trusted: bool = False) -> tuple[Path, FileDigest]:
    """Return the path of the checkpoint, links followed, and what it is now.

    Raises:
        WeightsError: It is missing, or cannot be loaded unless it is ``trusted``.
    """
    reason = why_no_file(path)
    if is_folder(path):
        inside = path / "best.pt"
        hint = f"did you mean {inside}?" if inside.is_file() else "name the file, a run's best.pt"
        raise WeightsError(f"{path} is a folder, not a checkpoint", hint=hint)
    if reason is not None and is_there(path):
        raise WeightsError(f"{path} {reason}")
    if reason is not None:
        hint = "name the file: a run's best.pt, or what `yolokit weights pull` printed"
        raise WeightsError(f"there is no checkpoint {path}", hint=hint)
    path = path.resolve()
    digest = digest_weights(path)
    problem = explain_unreadable(path) if not trusted else None
    if problem is not None:
        raise WeightsError(problem[0], hint=problem[1])
    return path, digest


def _make_network(
    config: ExportConfig,
    weights: Path,
    digest: FileDigest,
    folder: Path,
    log_path: Path,
    on_event: OnEvent,
) -> tuple[Path, ModelManifest]:
    """Trace and simplify the network; return its file, in FP32, and what it says of itself."""
    on_event(Phase("tracing the model"))
    traced = folder / "traced.onnx"
    facts = _trace(config, weights, digest, traced, log_path)
    manifest = describe_network(config, weights, digest, facts)
    on_event(Phase("simplifying the graph"))
    return simplify_graph(traced, folder / "simple.onnx"), manifest


def _trace(
    config: ExportConfig, weights: Path, digest: FileDigest, out: Path, log_path: Path
) -> dict[str, Any]:
    request = ExportRequest(
        weights=str(weights),
        digest=digest,
        out=str(out),
        input_hw=config.input_hw,
        head=config.head,
        dynamic=config.dynamic,
        opset=config.opset,
        trust=config.trust is not None,
    )
    return run_job("export", request, log_path=log_path)


def _finish(config: ExportConfig, network: Path, dst: Path, manifest: ModelManifest) -> Path:
    """Give a network the parts that are asked for, and its manifest; return ``dst``.

    What is quantized is the network alone; ``manifest`` is that of the network.
    """
    if config.embed is None:
        return describe_graph(network, dst, manifest)
    own = describe_embedded(manifest, config.embed.split(","))
    return describe_graph(embed_parts(network, dst, manifest, own), dst, own)


def _load(model: Path) -> Predictor:
    return Predictor.load(PredictorSpec(model=str(model), provider="cpu"))


def prove(
    candidate: Candidate, gates: Sequence[Gate], out: Path, on_event: OnEvent
) -> tuple[Verdict, ...]:
    """Return the verdicts of all gates on what would become ``out``.

    Raises:
        GateError: One does not hold; its record is written.
    """
    verdicts = []
    for gate in gates:
        on_event(Phase(gate.describe(candidate)))
        verdict = gate.check(candidate)
        if verdict.problems:
            failed_path = keep_failure(verdict, out)
            shown = "\n".join(f"  - {problem}" for problem in verdict.problems[:_PROBLEMS_SHOWN])
            raise gate.error(
                f"{gate.complaint}; nothing was published\n{shown}",
                hint="; ".join(filter(None, (f"all figures are in {failed_path}", verdict.hint))),
            )
        verdicts.append(verdict)
    return tuple(verdicts)
