"""Where an export lands: the model, its description and its proofs, all of them or none."""

from __future__ import annotations

import mmap
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.plugins import list_plugins
from yolokit.errors import ConfigError
from yolokit.export.gates.toolkit import PACKAGE as GATES
from yolokit.export.gates.toolkit import Verdict
from yolokit.export.graph import list_ports
from yolokit.export.parity.report import ParityReport
from yolokit.export.sidecar import FORMAT, encode_sidecar
from yolokit.files.atomic import publish_together, write_atomic
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import Replacing, Result, check_output, read_object
from yolokit.runtime.manifest import METADATA_KEY, ModelManifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.export.config import ExportConfig
    from yolokit.export.gates.toolkit import Gate

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


def _recognise_description(path: Path) -> tuple[()] | None:
    """Look for the format that every description states."""
    return () if read_object(path).get("format") == FORMAT else None


MODEL, PROOF, DESCRIPTION = (
    Result(command="yolokit export", recognise=how, is_folder=False)
    for how in (_recognise_model, _recognise_proof, _recognise_description)
)


class ExportArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """What was published: the model, its manifest, and what each gate saw.

    Attributes:
        path: The model. Its description and the record of each gate lie beside it.
        manifest: What the model says of itself.
        verdicts: One of each gate.
    """

    path: Path
    manifest: ModelManifest
    verdicts: tuple[Verdict, ...]

    @property
    def description_path(self) -> Path:
        """How to feed and read the model, for programs in any language."""
        return description_path(self.path)

    @property
    def parity_path(self) -> Path:
        """The record of the parity gate."""
        return proof_path(self.path, "parity")

    @property
    def parity(self) -> ParityReport:
        """What the parity gate saw."""
        records = [verdict.record for verdict in self.verdicts]
        return next(record for record in records if isinstance(record, ParityReport))


def name_file(config: ExportConfig, weights: Path) -> Path:
    """Return the file that a checkpoint becomes by default, beside it.

    Files of different kinds have different names: what was asked for is in them, so that
    ``best.end2end.pre-nms.int8.onnx`` never replaces ``best.onnx``.
    """
    precision = None if config.precision == "fp32" else config.precision
    embed = config.embed and config.embed.replace(",", "-")
    parts = [part for part in (config.head, embed, precision) if part]
    return weights.with_name(".".join([weights.stem, *parts, "onnx"]))


def place(config: ExportConfig, weights: Path, gates: Sequence[Gate]) -> tuple[Path, Replacing]:
    """Return the file that the model becomes, in a folder that exists, and what it may replace.

    Raises:
        OutputExistsError: The model, its description or a proof is there and is not to be
            replaced.
        ConfigError: The folder cannot be made, or the model that is there has another precision.
    """
    out = name_file(config, weights)
    if config.out is not None:
        given = Path(config.out)
        out = given / out.name if given.is_dir() else given
    keep = (weights, *([Path(config.data)] if config.data else []))
    replacing = Replacing(result=MODEL, wanted=config.overwrite, keep=keep)
    check_output(out, replacing)
    _check_precision(out, config.precision)
    check_output(description_path(out), replace(replacing, result=DESCRIPTION))
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


def publish(
    model: Path,
    out: Path,
    manifest: ModelManifest,
    verdicts: tuple[Verdict, ...],
    replacing: Replacing,
) -> ExportArtifact:
    """Give the model, its description and its proofs their final names, the model last.

    If one of them cannot have its name, all that was there before is there again.

    Raises:
        OutputExistsError: One of them appeared meanwhile, and is not to be replaced.
    """
    description = encode_sidecar(
        manifest, list_ports(model), name=out.name, sha256=sha256_file(model)
    )
    files = [
        *((proof_path(out, verdict.gate), encode_verdict(verdict), PROOF) for verdict in verdicts),
        (description_path(out), description.encode(), DESCRIPTION),
        (out, model.read_bytes(), MODEL),
    ]
    publish_together(
        {path: content for path, content, _ in files},
        {path: replace(replacing, result=result) for path, _, result in files},
    )
    _remove_former_proofs(out, {verdict.gate for verdict in verdicts})
    return ExportArtifact(path=out, manifest=manifest, verdicts=verdicts)


def _remove_former_proofs(out: Path, proved: set[str]) -> None:
    """Remove records of gates that are of an earlier file: of this one they would tell nothing."""
    for gate in list_plugins(GATES):
        proof_path(out, gate, is_failed=True).unlink(missing_ok=True)
        path = proof_path(out, gate)
        if gate not in proved and path.is_file() and _recognise_proof(path) is not None:
            path.unlink(missing_ok=True)


def keep_failure(verdict: Verdict, out: Path) -> Path:
    """Write the record of a gate that does not hold, for a model that is not published."""
    path = proof_path(out, verdict.gate, is_failed=True)
    write_atomic(path, encode_verdict(verdict))
    return path


def encode_verdict(verdict: Verdict) -> bytes:
    """Return the record of a gate as JSON for people."""
    return msgspec.json.format(msgspec.json.encode(verdict.record), indent=2) + b"\n"


def proof_path(model: Path, gate: str, *, is_failed: bool = False) -> Path:
    """Return where the record of a gate lies, beside a model that was published or was not."""
    return model.with_suffix(f".{gate}-failed.json" if is_failed else f".{gate}.json")


def description_path(model: Path) -> Path:
    """Return where the description of a model lies: ``best.json`` beside ``best.onnx``."""
    return model.with_suffix(".json")
