"""``yolokit runs lineage``: where a model comes from, link by link, and where that is not known.

A link is a file or a run. Every hash that a link states is compared with the file that is there;
nothing of a checkpoint is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.checkpoints.lineage import read_license, read_lineage
from yolokit.core.events import OnEvent, ignore
from yolokit.errors import TrainError, WeightsError
from yolokit.evaluate.config import RUNS as VAL_RUNS
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import read_object
from yolokit.files.regular_file import why_no_file
from yolokit.jobs.runs.data_links import DataLinks
from yolokit.jobs.runs.links import Link, known
from yolokit.train.folds.record import has_folds
from yolokit.train.record import RunRecord, read_record
from yolokit.train.run_folder import RUNS_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.checkpoints.lineage import WeightsRecord
    from yolokit.runtime.manifest import Provenance

# Of runs, of folds, and of the trials of a search, below runs/.
_RECORDS = ("train/*/run.json", "train/*/fold-*/run.json", "tune/*/trials/*/run.json")


def trace_lineage(path: Path, on_event: OnEvent = ignore) -> list[Link]:
    """Follow a model back to what its first run began with.

    Args:
        path: An ONNX file, a checkpoint, or the folder of a run, whose ``best.pt`` is meant.
        on_event: Called with the progress of comparing images.

    Raises:
        WeightsError: There is no such file.
        TrainError: A folder is not a run.
        InferenceError: An ONNX file is not a model that the runtime reads.
    """
    if path.is_dir():
        if has_folds(path):
            folds = "fold-1 and so on, and a training on all its images"
            raise TrainError(
                f"{path} holds folds, each a run of its own", hint=f"name one: {folds}"
            )
        read_record(path)
        path = path / ("best.pt" if (path / "best.pt").is_file() else "last.pt")
    reason = why_no_file(path)
    if reason is not None:
        raise WeightsError(f"{path} {reason}")
    data = DataLinks(on_event)
    if path.suffix != ".onnx":
        return list(_follow(path, sha256_file(path), data))
    model, stated = _describe_model(path)
    if not stated.weights_sha256:
        return [model]
    found = _find_file(stated.weights_sha256, path.parent)
    if found is not None:
        return [model, *_follow(found, stated.weights_sha256, data)]
    gap = "the checkpoint that it was exported from is not here: only its hash is known"
    if stated.run:
        gap += f"; the model states {_name_origin(stated.run, stated.ancestors)}"
    lost = Link(kind="checkpoint", path=None, sha256=stated.weights_sha256, gaps=(gap,))
    return [model, lost]


def _describe_model(path: Path) -> tuple[Link, Provenance]:
    """Return the link of an ONNX file, and what it states about itself."""
    from yolokit.runtime.detector import Detector

    sha256 = sha256_file(path)
    stated = Detector.load(path, provider="cpu", threads=1).manifest.provenance
    facts = {
        "exported as": f"{stated.precision}, opset {stated.opset}, {stated.architecture}",
        "versions": ", ".join(f"{name} {value}" for name, value in stated.tool_versions.items()),
        "licence": stated.license,
        "scores": stated.class_conf_source,
    }
    faults, gaps, proofs = [], [], {}
    for proof in sorted(path.parent.glob(f"{path.stem}.*.json")):
        gate = proof.name[len(path.stem) + 1 : -len(".json")]
        if "." in gate or gate.endswith("-failed"):  # of best.int8.onnx, say; or of none
            continue
        content = read_object(proof)
        if {"verdict", "model_sha256"} <= content.keys():
            if content["model_sha256"] == sha256:
                proofs[f"proof {proof.name}"] = str(content["verdict"])
            else:
                faults.append(f"{proof} is the proof of another file: its model_sha256 differs")
    if not stated.weights_sha256:
        gaps.append("it does not state the checkpoint that it comes from")
    elif not proofs and not faults:
        gaps.append("there is no proof beside it that it equals its checkpoint")
    link = Link(
        kind="model", path=str(path), sha256=sha256, gaps=tuple(gaps), faults=tuple(faults),
        facts=known(facts | proofs | _list_evaluations(path, sha256)),
    )  # fmt: skip
    return link, stated


def _list_evaluations(model: Path, sha256: str) -> dict[str, str]:
    """Return what ``yolokit val`` measured of a model, in the folders of evaluations around it."""
    found = {}
    files = [file for place in _list_places(VAL_RUNS, model.parent)
             for file in sorted(place.glob("*/metrics.json"))]  # fmt: skip
    for file in files:
        metrics, folder = read_object(file), file.parent
        overall = metrics.get("overall")
        score = overall.get("map50_95") if isinstance(overall, dict) else None
        if metrics.get("model_sha256") == sha256 and isinstance(score, int | float):
            measured = f"mAP50-95 {score:.3f} on {metrics.get('split')} of {metrics.get('data')}"
            found[f"evaluated {folder}"] = measured
    return found


def _follow(path: Path, sha256: str, data: DataLinks) -> Iterator[Link]:
    """Yield a checkpoint, its run and data set, and then what that run began with."""
    seen: set[str] = set()
    parent: WeightsRecord | None = None
    while sha256 not in seen:
        seen.add(sha256)
        folder, record, link = _describe_checkpoint(path, sha256, parent)
        yield link
        if record is None:
            return
        yield Link(kind="run", path=str(folder), record=record)
        yield data.describe(record, folder)
        parent = record.weights
        if parent is None:
            return
        sha256 = parent.sha256
        found = _find_file(sha256, Path(parent.path).parent)
        if found is None:
            yield _describe_lost(parent)
            return
        path = found


def _describe_checkpoint(
    path: Path, sha256: str, start: WeightsRecord | None
) -> tuple[Path, RunRecord | None, Link]:
    """Return the run that saved a checkpoint, if that is known, and the link of the file.

    ``start`` is what the run that began with it recorded.
    """
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
            "the record of the run that saved it is not here; the file states "
            f"{_name_origin(lineage.run, lineage.ancestors)}"
        )
    facts = _describe_start(start) | known({"licence": read_license(path)})
    if record is None and lineage is None:
        facts["origin"] = "no run of yolokit is known to have saved it: the chain begins here"
    link = Link(
        kind="checkpoint", path=str(path), sha256=sha256, facts=facts,
        gaps=tuple(gaps), faults=tuple(faults),
    )  # fmt: skip
    return folder, record, link


def _name_origin(run: str | None, ancestors: Sequence[str]) -> str:
    return f"that run {run} saved it, and that it descends from {', '.join(ancestors) or 'nothing'}"


def _describe_start(start: WeightsRecord | None) -> dict[str, str]:
    """Return what a run recorded of the weights that it began with."""
    if start is None:
        return {}
    return known({"name": start.name, "fetched from": start.url, "licence": start.license})


def _describe_lost(start: WeightsRecord) -> Link:
    """Return the link of a start of which only the hash is known, or that is another file now."""
    path, sha256, facts = Path(start.path), start.sha256, _describe_start(start)
    if why_no_file(path) is not None:
        gap = "what the run began with is not here: only its hash is known"
        return Link(kind="checkpoint", path=None, sha256=sha256, facts=facts, gaps=(gap,))
    fault = f"what the run began with was {path}, which is another file now: {sha256_file(path)}"
    return Link(kind="checkpoint", path=str(path), sha256=sha256, facts=facts, faults=(fault,))


def _find_file(sha256: str, near: Path) -> Path | None:
    """Return a checkpoint with a hash: in a folder, or in one of the runs that state it."""
    runs = (folder / name for folder, record in _list_records(near)
            for name, stated in record.outputs.items() if stated == sha256)  # fmt: skip
    for path in (*sorted(near.glob("*.pt*")), *runs):
        if why_no_file(path) is None and sha256_file(path) == sha256:
            return path
    return None


def _list_records(near: Path) -> Iterator[tuple[Path, RunRecord]]:
    listed = (found.parent for place in _list_places(RUNS_DIR.parent, near)
              for pattern in _RECORDS for found in sorted(place.glob(pattern)))  # fmt: skip
    for folder in dict.fromkeys([near, *listed]):
        record = _read_record(folder)
        if record is not None:
            yield folder, record


def _list_places(place: Path, near: Path) -> Iterator[Path]:
    """Yield a folder of that name in the working folder, and in each folder around ``near``."""
    around = (folder / place for folder in near.resolve().parents)
    yield from (place, *(one for one in around if one != place.resolve()))


def _read_record(folder: Path) -> RunRecord | None:
    """Return the record of a run; None where there is none that can be read."""
    try:
        return read_record(folder)
    except TrainError:
        return None
