"""The export job: trace, simplify, describe, verify, and only then publish."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.checkpoints.reading import explain_unreadable
from yolokit.core.events import OnEvent, Phase, ignore
from yolokit.core.plugins import load_plugin
from yolokit.core.plural import counted
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import ExportRequest
from yolokit.errors import ConfigError, JobCancelledError, ParityError, WeightsError
from yolokit.export.config import QUANTIZERS, ExportConfig
from yolokit.export.earlier import MODEL, PROOF
from yolokit.export.graph import finish_graph
from yolokit.export.samples import load_samples
from yolokit.export.verify import ParityReport, compare, run_both
from yolokit.files.atomic import publish_file, write_atomic
from yolokit.files.digest import digest_weights, sha256_file
from yolokit.files.outputs import Replacing, check_output
from yolokit.files.regular_file import is_folder, is_there, why_no_file
from yolokit.runtime.manifest import ModelHead, ModelIO, ModelManifest, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.files.digest import FileDigest
    from yolokit.runtime.detector import Detector


class ExportArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """What was published: the model, its manifest and the proof beside it."""

    path: Path
    parity_path: Path
    manifest: ModelManifest
    parity: ParityReport


def export_model(config: ExportConfig, on_event: OnEvent = ignore) -> ExportArtifact:
    """Export a checkpoint and publish it if it equals what was trained.

    Args:
        config: What to export and how.
        on_event: Told what is being done.

    Raises:
        ConfigError: The output exists and is not to be replaced.
        WeightsError: The checkpoint is missing or cannot be loaded.
        ParityError: The exported model differs; ``<stem>.parity-failed.json`` says how.
    """
    weights = Path(config.weights)
    reason = why_no_file(weights)
    if reason is not None:
        raise _no_checkpoint(weights, reason)
    weights = weights.resolve()
    digest = digest_weights(weights)
    problem = explain_unreadable(weights) if config.trust is None else None
    if problem is not None:
        raise WeightsError(problem[0], hint=problem[1])
    out, replacing = _place(config, weights)
    images = load_samples(Path(config.data) if config.data else None)
    log_path = out.with_suffix(".export.log")  # stays only if something goes wrong
    scratch_dir = tempfile.TemporaryDirectory(prefix="yolokit-export-")
    with _kept_on_failure(log_path), scratch_dir as scratch:
        folder = Path(scratch)
        on_event(Phase("tracing the model"))
        facts = _trace(config, weights, digest, folder / "traced.onnx", log_path)
        manifest = _describe(config, weights, digest, facts)
        on_event(Phase("simplifying the graph"))
        model = folder / "model.onnx"
        finish_graph(folder / "traced.onnx", model, manifest)
        if config.precision != "fp32":
            model = _quantize(config, model, folder / "quantized.onnx", images)
        on_event(Phase(f"checking parity on {counted(len(images), 'image')}"))
        detector = _load(model)
        trust = config.trust is not None
        samples = run_both(weights, digest, detector, images, log_path=log_path, trust=trust)
        report = compare(samples, detector)
        _prove_batch(detector, images, config.dynamic, report)
        report.model_sha256 = sha256_file(model)
        report.weights_sha256 = manifest.provenance.weights_sha256
        return _publish(model, out, manifest, report, replacing)


@contextlib.contextmanager
def _kept_on_failure(log_path: Path) -> Iterator[None]:
    """Remove a log unless something went wrong; an interrupt is not a fault to look into."""
    try:
        yield
    except (KeyboardInterrupt, JobCancelledError):
        log_path.unlink(missing_ok=True)
        raise
    log_path.unlink(missing_ok=True)


def _no_checkpoint(path: Path, reason: str) -> WeightsError:
    if is_folder(path):
        inside = path / "best.pt"
        hint = f"did you mean {inside}?" if inside.is_file() else "name the file, a run's best.pt"
        return WeightsError(f"{path} is a folder, not a checkpoint", hint=hint)
    if is_there(path):
        return WeightsError(f"{path} {reason}")
    hint = "name the file: a run's best.pt, or what `yolokit weights pull` printed"
    return WeightsError(f"there is no checkpoint {path}", hint=hint)


def _place(config: ExportConfig, weights: Path) -> tuple[Path, Replacing]:
    """Return the file that the model becomes, in a folder that exists, and what it may replace.

    Raises:
        OutputExistsError: The model or its proof is there and is not to be replaced.
        ConfigError: The folder cannot be made.
    """
    out = weights.with_suffix(".onnx")
    if config.out is not None:
        given = Path(config.out)
        out = given / out.name if given.is_dir() else given
    keep = (weights, *([Path(config.data)] if config.data else []))
    replacing = Replacing(result=MODEL, wanted=config.overwrite, keep=keep)
    check_output(out, replacing)
    check_output(out.with_suffix(".parity.json"), replace(replacing, result=PROOF))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {out.parent}: {error.strerror}") from error
    return out, replacing


def _trace(
    config: ExportConfig, weights: Path, digest: FileDigest, out: Path, log_path: Path
) -> dict[str, Any]:
    request = ExportRequest(
        weights=str(weights),
        digest=digest,
        out=str(out),
        imgsz=config.imgsz,
        dynamic=config.dynamic,
        opset=config.opset,
        trust=config.trust is not None,
    )
    return run_job("export", request, log_path=log_path)


def _describe(
    config: ExportConfig, weights: Path, digest: FileDigest, facts: dict[str, Any]
) -> ModelManifest:
    import yolokit

    size = facts["imgsz"]
    fixed = config.dynamic != "all"
    return ModelManifest(
        io=ModelIO(
            input_name=facts["input_name"],
            shape=(
                1 if config.dynamic == "none" else None,
                3,
                size if fixed else None,
                size if fixed else None,
            ),
            input_wh=(size, size),
            stride_px=facts["stride_px"],
        ),
        head=ModelHead(
            output_name=facts["output_name"], layout=facts["layout"], names=tuple(facts["names"])
        ),
        provenance=Provenance(
            precision=config.precision,
            opset=config.opset,
            weights_sha256=digest.sha256,
            data_sha256=_read_data_sha256(weights),
            architecture=facts["architecture"],
            license=facts["license"],
            tool_versions={"yolokit": yolokit.__version__, **facts["versions"]},
        ),
    )


def _read_data_sha256(weights: Path) -> str:
    """Return the data set's hash from the ``run.json`` beside a checkpoint; empty without one."""
    record = weights.parent / "run.json"
    if not record.is_file():
        return ""
    try:
        content = msgspec.json.decode(record.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError:  # somebody else's file of that name
        return ""
    data = content.get("data")
    return str(data.get("sha256", "")) if isinstance(data, dict) else ""


def _load(model: Path) -> Detector:
    from yolokit.runtime.detector import Detector

    return Detector.load(model, provider="cpu")


def _quantize(config: ExportConfig, model: Path, dst: Path, images: list[tuple[str, Any]]) -> Path:
    quantizer = load_plugin(QUANTIZERS, config.precision, kind="precision")
    detector = _load(model)
    quantizer.quantize(model, dst, (detector.preprocess(image)[0] for _, image in images))
    return dst


def _prove_batch(
    detector: Detector, images: list[tuple[str, Any]], dynamic: str, report: ParityReport
) -> None:
    """Prove that a dynamic batch is one: three images at once give what each gives alone."""
    if dynamic == "none":
        return
    import numpy as np

    tensors = [detector.preprocess(image)[0] for _, image in images]
    alike = [tensor for tensor in tensors if tensor.shape == tensors[0].shape]
    three = (alike * 3)[:3]
    together = detector.infer(np.concatenate(three))
    for index, tensor in enumerate(three):
        (alone,) = detector.infer(tensor)
        diff = max(
            float(np.abs(output - alone[name]).max()) for name, output in together[index].items()
        )
        if not diff <= report.tolerance.box_abs_px:
            report.problems.append(f"image {index + 1} of a batch of 3 differs by {diff:.3g}")
            report.verdict = "different"


def _publish(
    model: Path, out: Path, manifest: ModelManifest, report: ParityReport, replacing: Replacing
) -> ExportArtifact:
    """Give model and proof their final names; the proof first, so that no model is without.

    Nor does a proof stay where the model could not follow.
    """
    parity_path = out.with_suffix(".parity.json")
    failed_path = out.with_suffix(".parity-failed.json")
    content = msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
    if report.verdict == "different":
        write_atomic(failed_path, content)
        shown = "\n".join(f"  - {problem}" for problem in report.problems[:5])
        raise ParityError(
            f"the exported model does not equal the trained one; nothing was published\n{shown}",
            hint=f"all differences are in {failed_path}",
        )
    with contextlib.ExitStack() as undo:
        with publish_file(out, replacing) as part:
            part.write_bytes(model.read_bytes())
            write_atomic(parity_path, content)
            undo.callback(parity_path.unlink, missing_ok=True)
        undo.pop_all()
    failed_path.unlink(missing_ok=True)
    return ExportArtifact(path=out, parity_path=parity_path, manifest=manifest, parity=report)
