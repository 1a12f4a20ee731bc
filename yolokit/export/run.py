"""The export job: trace, simplify, quantize, describe, verify, and only then publish."""

from __future__ import annotations

import contextlib
import mmap
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.checkpoints.lineage import read_lineage
from yolokit.checkpoints.reading import explain_unreadable
from yolokit.core.events import OnEvent, Phase, ignore
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import ExportRequest
from yolokit.engine_protocol.shared import share_process
from yolokit.errors import ConfigError, JobCancelledError, WeightsError
from yolokit.evaluate.recommended import recommend_thresholds
from yolokit.export.gates.parity import ParityReport
from yolokit.export.gates.toolkit import Candidate, Gate, Verdict, open_gates
from yolokit.export.graph import describe_graph, simplify_graph
from yolokit.export.quantize import plan_quantization
from yolokit.export.samples import load_gate_images
from yolokit.files.atomic import publish_file, write_atomic
from yolokit.files.digest import digest_weights
from yolokit.files.outputs import Replacing, Result, check_output, read_object
from yolokit.files.regular_file import is_folder, is_there, why_no_file
from yolokit.runtime.manifest import METADATA_KEY, ModelHead, ModelIO, ModelManifest, Provenance
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.export.config import ExportConfig
    from yolokit.export.quantizers.toolkit import QuantSettings
    from yolokit.files.digest import FileDigest

_PROBLEMS_SHOWN = 5
_SUFFIXES = {"fp32": ".onnx"}
# How protobuf writes an entry of a model's metadata: its key is field 1, its value field 2.
_KEY = METADATA_KEY.encode()
_ENTRY = b"\x0a" + bytes([len(_KEY)]) + _KEY + b"\x12"


def _recognise_model(path: Path) -> tuple[()] | None:
    """Look for our manifest without reading the graph; files of others do not have it."""
    if not path.stat().st_size:  # nothing to be mapped
        return None
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        return () if file.rfind(_ENTRY) >= 0 else None


def _recognise_proof(path: Path) -> tuple[()] | None:
    """Look for what the record of every gate holds."""
    return () if {"verdict", "model_sha256"} <= read_object(path).keys() else None


MODEL = Result(command="yolokit export", recognise=_recognise_model, is_folder=False)
PROOF = Result(command="yolokit export", recognise=_recognise_proof, is_folder=False)


class ExportArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """What was published: the model, its manifest, and what each gate saw.

    Attributes:
        path: The model. The record of each gate lies beside it.
        manifest: What the model says of itself.
        verdicts: One of each gate.
    """

    path: Path
    manifest: ModelManifest
    verdicts: tuple[Verdict, ...]

    @property
    def parity_path(self) -> Path:
        """The record of the parity gate."""
        return proof_path(self.path, "parity")

    @property
    def parity(self) -> ParityReport:
        """What the parity gate saw."""
        records = [verdict.record for verdict in self.verdicts]
        return next(record for record in records if isinstance(record, ParityReport))


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
    out, replacing = _place(config, weights, gates)
    images = load_gate_images(Path(config.data) if config.data else None)
    log_path = out.with_suffix(".export.log")  # stays only if something goes wrong
    scratch_dir = tempfile.TemporaryDirectory(prefix="yolokit-export-")
    with _kept_on_failure(log_path), scratch_dir as scratch, share_process():
        folder = Path(scratch)
        on_event(Phase("tracing the model"))
        model = folder / "traced.onnx"
        facts = _trace(config, weights, digest, model, log_path)
        manifest = _describe(config, weights, digest, facts)
        on_event(Phase("simplifying the graph"))
        model, parent = simplify_graph(model, folder / "simple.onnx"), None
        if config.precision != "fp32":
            parent = describe_graph(model, folder / "parent.onnx", manifest)
            plan = plan_quantization(config, images, manifest, settings)
            model = plan.run(model, folder / "quantized.onnx", on_event)
            manifest = plan.describe(manifest, on_event)
        model = describe_graph(model, folder / "model.onnx", manifest)
        candidate = Candidate(
            model=model,
            predictor=_load(model),
            weights=weights,
            digest=digest,
            trust=config.trust is not None,
            images=images,
            log_path=log_path,
            parent=parent,
            on_event=on_event,
        )
        verdicts = prove(candidate, gates, out, on_event)
        return publish(model, out, manifest, verdicts, replacing)


@contextlib.contextmanager
def _kept_on_failure(log_path: Path) -> Iterator[None]:
    """Remove a log unless something went wrong; an interrupt is not a fault to look into."""
    try:
        yield
    except (KeyboardInterrupt, JobCancelledError):
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


def _place(config: ExportConfig, weights: Path, gates: Sequence[Gate]) -> tuple[Path, Replacing]:
    """Return the file that the model becomes, in a folder that exists, and what it may replace.

    Raises:
        OutputExistsError: The model or a proof is there and is not to be replaced.
        ConfigError: The folder cannot be made.
    """
    out = weights.with_suffix(_SUFFIXES.get(config.precision, f".{config.precision}.onnx"))
    if config.out is not None:
        given = Path(config.out)
        out = given / out.name if given.is_dir() else given
    keep = (weights, *([Path(config.data)] if config.data else []))
    replacing = Replacing(result=MODEL, wanted=config.overwrite, keep=keep)
    check_output(out, replacing)
    _check_precision(out, config.precision)
    for gate in gates:
        check_output(proof_path(out, gate.name), replace(replacing, result=PROOF))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {out.parent}: {error.strerror}") from error
    return out, replacing


def _check_precision(out: Path, precision: str) -> None:
    """Refuse to replace a model by one of another precision.

    Raises:
        ConfigError: The file that is there has another.
    """
    if not out.is_file() or not out.stat().st_size:
        return
    with out.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        found = re.search(rb'"precision": "(\w+)"', file)
        there = found[1].decode() if found else precision
    if there != precision:
        raise ConfigError(
            f"{out} holds the model in {there}, which one in {precision} never replaces",
            hint="give another --out, or none: each precision has a name of its own",
        )


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
    thresholds = recommend_thresholds(weights, digest.sha256, facts["names"], size)
    lineage = read_lineage(weights, digest.sha256)
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
            output_name=facts["output_name"],
            layout=facts["layout"],
            names=tuple(facts["names"]),
            class_conf=thresholds.conf if thresholds else (),
        ),
        provenance=Provenance(
            precision=config.precision,
            opset=config.opset,
            weights_sha256=digest.sha256,
            run=(lineage.run if lineage else None) or "",
            ancestors=tuple(lineage.ancestors) if lineage else (),
            data_sha256=_read_data_sha256(weights),
            architecture=facts["architecture"],
            license=facts["license"],
            class_conf_source=thresholds.source if thresholds else "",
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
            failed_path = proof_path(out, gate.name, is_failed=True)
            write_atomic(failed_path, _encode(verdict))
            shown = "\n".join(f"  - {problem}" for problem in verdict.problems[:_PROBLEMS_SHOWN])
            raise gate.error(
                f"{gate.complaint}; nothing was published\n{shown}",
                hint="; ".join(filter(None, (f"all figures are in {failed_path}", verdict.hint))),
            )
        verdicts.append(verdict)
    return tuple(verdicts)


def publish(
    model: Path,
    out: Path,
    manifest: ModelManifest,
    verdicts: tuple[Verdict, ...],
    replacing: Replacing,
) -> ExportArtifact:
    """Give model and proofs their final names; proofs first, so that no model is without.

    Nor does a proof stay where the model could not follow.
    """
    with contextlib.ExitStack() as undo:
        with publish_file(out, replacing) as part:
            part.write_bytes(model.read_bytes())
            for verdict in verdicts:
                path = proof_path(out, verdict.gate)
                write_atomic(path, _encode(verdict))
                undo.callback(path.unlink, missing_ok=True)
        undo.pop_all()
    for verdict in verdicts:
        proof_path(out, verdict.gate, is_failed=True).unlink(missing_ok=True)
    return ExportArtifact(path=out, manifest=manifest, verdicts=verdicts)


def _encode(verdict: Verdict) -> bytes:
    return msgspec.json.format(msgspec.json.encode(verdict.record), indent=2) + b"\n"


def proof_path(model: Path, gate: str, *, is_failed: bool = False) -> Path:
    """Return where the record of a gate lies, beside a model that was published or was not."""
    return model.with_suffix(f".{gate}-failed.json" if is_failed else f".{gate}.json")
