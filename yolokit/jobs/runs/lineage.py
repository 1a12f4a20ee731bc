"""``yolokit runs lineage``: where a model comes from, link by link, and where that is not known.

A link is a file or a run. Every hash that a link states is compared with the file that is there;
nothing of a checkpoint is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.checkpoints.lineage import read_license, read_lineage
from yolokit.datasets.check import hash_labels
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.errors import DataError, TrainError, WeightsError
from yolokit.evaluate.config import RUNS as VAL_RUNS
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import read_object
from yolokit.files.regular_file import why_no_file
from yolokit.train.record import RunRecord, read_record
from yolokit.train.run_folder import RUNS_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain.

    Attributes:
        kind: An exported model, a checkpoint, the run that trained it, or that run's data set.
        path: Where it is; None where only its hash is known.
        sha256: Its hash as it is now, or else as it is stated; of a run None.
        facts: What is known of it, in words.
        gaps: What is not known, or not there any more.
        faults: What contradicts what is stated: a hash that does not match.
        record: Of a run: all of its record.
    """

    kind: Literal["model", "checkpoint", "run", "data"]
    path: str | None
    sha256: str | None = None
    facts: dict[str, str] = {}
    gaps: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    record: RunRecord | None = None


def trace_lineage(path: Path) -> list[Link]:
    """Follow a model back to what its first run began with.

    Args:
        path: An ONNX file, a checkpoint, or the folder of a run, whose ``best.pt`` is meant.

    Raises:
        WeightsError: There is no such file.
        TrainError: A folder is not a run.
        InferenceError: An ONNX file is not a model that the runtime reads.
    """
    if path.is_dir():
        read_record(path)
        path = path / ("best.pt" if (path / "best.pt").is_file() else "last.pt")
    reason = why_no_file(path)
    if reason is not None:
        raise WeightsError(f"{path} {reason}")
    if path.suffix != ".onnx":
        return list(_follow(path, sha256_file(path)))
    model, weights_sha256 = _describe_model(path)
    if not weights_sha256:
        return [model]
    found = _find_file(weights_sha256, path.parent)
    if found is not None:
        return [model, *_follow(found, weights_sha256)]
    return [model, _describe_lost(weights_sha256, "the checkpoint that it was exported from")]


def _describe_model(path: Path) -> tuple[Link, str]:
    """Return the link of an ONNX file, and the hash of the checkpoint that it states."""
    from yolokit.runtime.detector import Detector

    sha256 = sha256_file(path)
    manifest = Detector.load(path, provider="cpu", threads=1).manifest
    stated = manifest.provenance
    facts = {
        "exported as": f"{stated.precision}, opset {stated.opset}, {stated.architecture}",
        "versions": ", ".join(f"{name} {value}" for name, value in stated.tool_versions.items()),
        "licence": stated.license,
        "scores": stated.class_conf_source,
    }
    faults = []
    for proof in sorted(path.parent.glob(f"{path.stem}.*.json")):
        content = read_object(proof)
        if {"verdict", "model_sha256"} <= content.keys() and "-failed" not in proof.name:
            if content["model_sha256"] == sha256:
                facts[f"proof {proof.name}"] = str(content["verdict"])
            else:
                faults.append(f"{proof} is the proof of another file: its model_sha256 differs")
    facts |= _list_evaluations(sha256)
    gaps = () if stated.weights_sha256 else ("it does not state the checkpoint that it comes from",)
    link = Link(
        kind="model", path=str(path), sha256=sha256, gaps=gaps, faults=tuple(faults),
        facts={name: value for name, value in facts.items() if value},
    )  # fmt: skip
    return link, stated.weights_sha256


def _list_evaluations(sha256: str) -> dict[str, str]:
    found = {}
    for path in sorted(VAL_RUNS.glob("*/metrics.json")):
        metrics = read_object(path)
        overall = metrics.get("overall")
        score = overall.get("map50_95") if isinstance(overall, dict) else None
        if metrics.get("model_sha256") == sha256 and isinstance(score, int | float):
            found[f"evaluated {path.parent}"] = f"mAP50-95 {score:.3f} on {metrics.get('split')}"
    return found


def _follow(path: Path, sha256: str) -> Iterator[Link]:
    """Yield a checkpoint, its run and data set, and then what that run began with."""
    seen: set[str] = set()
    while sha256 not in seen:
        seen.add(sha256)
        folder, record, link = _describe_checkpoint(path, sha256)
        yield link
        if record is None:
            return
        yield Link(kind="run", path=str(folder), record=record)
        yield _describe_data(record)
        parent = record.weights
        if parent is None:
            return
        was, sha256 = Path(parent.path), parent.sha256
        found = _find_file(sha256, was.parent)
        if found is None:
            changed = why_no_file(was) is None
            yield _describe_lost(sha256, "what the run began with", was if changed else None)
            return
        path = found


def _describe_checkpoint(path: Path, sha256: str) -> tuple[Path, RunRecord | None, Link]:
    """Return the run that saved a checkpoint, if that is known, and the link of the file."""
    gaps, faults = [], []
    beside = _read_record(path.parent)
    stated = beside.outputs.get(path.name) if beside else None
    if stated is not None and stated != sha256:
        faults.append(f"{path.parent / 'run.json'} states another hash of it: {stated}")
    folder, record = next(
        ((folder, record) for folder, record in _list_records(path.parent)
         if sha256 in record.outputs.values()),
        (path.parent, None),
    )  # fmt: skip
    lineage = read_lineage(path, sha256)
    if record is None and lineage is not None:
        gaps.append(
            f"the record of the run that saved it is not here (run {lineage.run}); by its own "
            f"words it descends from {', '.join(lineage.ancestors) or 'nothing'}"
        )
    facts = {"licence": read_license(path) or ""}
    if record is None and lineage is None:
        facts["origin"] = "no run of yolokit is known to have saved it: the chain begins here"
    link = Link(
        kind="checkpoint", path=str(path), sha256=sha256, gaps=tuple(gaps), faults=tuple(faults),
        facts={name: value for name, value in facts.items() if value},
    )  # fmt: skip
    return folder, record, link


def _describe_data(record: RunRecord) -> Link:
    path, stated = record.data.path, record.data.sha256
    gaps, faults = [], []
    try:
        now = hash_labels(load_data_yaml(Path(path)))
    except (DataError, OSError):
        gaps.append("it is not there any more, or cannot be read: only its hash is known")
    else:
        if now != stated:
            faults.append(f"classes, image names or labels are not those of then: now {now}")
    facts = {f"images of {split}": str(count) for split, count in record.data.images.items()}
    return Link(
        kind="data", path=path, sha256=stated, facts=facts, gaps=tuple(gaps), faults=tuple(faults)
    )


def _describe_lost(sha256: str, what: str, changed: Path | None = None) -> Link:
    """Return the link of a file of which only the hash is known, or that is another file now."""
    if changed is not None:
        fault = f"{what} was {changed}, which is another file now: {sha256_file(changed)}"
        return Link(kind="checkpoint", path=str(changed), sha256=sha256, faults=(fault,))
    gap = f"{what} is not here: only its hash is known"
    return Link(kind="checkpoint", path=None, sha256=sha256, gaps=(gap,))


def _find_file(sha256: str, near: Path) -> Path | None:
    """Return a checkpoint with a hash: in a folder, or in one of the runs that state it."""
    runs = (folder / name for folder, record in _list_records(near)
            for name, stated in record.outputs.items() if stated == sha256)  # fmt: skip
    for path in (*sorted(near.glob("*.pt*")), *runs):
        if why_no_file(path) is None and sha256_file(path) == sha256:
            return path
    return None


def _list_records(near: Path) -> Iterator[tuple[Path, RunRecord]]:
    folders = [near, *(sorted(RUNS_DIR.iterdir()) if RUNS_DIR.is_dir() else ())]
    for folder in dict.fromkeys(folders):
        record = _read_record(folder)
        if record is not None:
            yield folder, record


def _read_record(folder: Path) -> RunRecord | None:
    """Return the record of a run; None where there is none that can be read."""
    try:
        return read_record(folder)
    except TrainError:
        return None
