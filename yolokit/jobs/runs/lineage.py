"""Where a model comes from: from a file back over its checkpoint and runs to the first weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.checkpoints.lineage import read_lineage
from yolokit.core.plural import counted
from yolokit.errors import ConfigError, TrainError
from yolokit.evaluate.config import RUNS as VAL_RUNS
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import read_object
from yolokit.hub.catalog import find_entry
from yolokit.metrics.fitness import describe_scores
from yolokit.train.record import EpochRecord, RunRecord, read_record

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROOF = ".parity.json"
_MOST_LINKS = 1000
_NO_RUN = "no run is known to have made it"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One station of the chain.

    Attributes:
        kind: What it is: an exported ``model``, a ``checkpoint``, a ``run``, or the first
            ``weights``, which no run of ours is known to have made.
        path: Its file or folder; where it was, if it is gone.
        sha256: Hash of the file; None for a run.
        facts: What is known of it, by name.
        problems: Where the chain is broken here, or a hash does not match; empty if neither.
    """

    kind: Literal["model", "checkpoint", "run", "weights"]
    path: str
    sha256: str | None = None
    facts: dict[str, str] = {}
    problems: list[str] = []


def trace_lineage(target: Path) -> list[Link]:
    """Return the chain of a file or of a run's folder, the newest link first.

    Raises:
        ConfigError: It does not exist.
        TrainError: A folder is not a run.
        InferenceError: A file ends in ``.onnx`` and is not a model.
    """
    if target.is_dir():
        return list(_follow_run(target, read_record(target), set()))
    if not target.is_file():
        raise ConfigError(f"{target} does not exist", hint="give a .pt, an .onnx or a run's folder")
    if target.suffix == ".onnx":
        return list(_follow_model(target))
    return list(_follow_checkpoint(target, sha256_file(target), set()))


def _follow_model(path: Path) -> Iterator[Link]:
    from yolokit.runtime.predictor import Predictor, PredictorSpec

    came = Predictor.load(PredictorSpec(model=str(path))).detector.manifest.provenance
    own, wanted = sha256_file(path), came.weights_sha256
    beside = sorted(path.parent.glob("*.pt"))
    found = next((one for one in beside if wanted and sha256_file(one) == wanted), None)
    facts = {
        "exported": f"{came.precision}, opset {came.opset}",
        "architecture": came.architecture,
        "licence": came.license,
        "data sha256": came.data_sha256,
        "from sha256": wanted,
        "versions": _join(came.tool_versions),
        **_list_evaluations(own),
    }
    problems = list(_check_proof(path, own))
    if not wanted:
        problems.append("the file does not state which checkpoint it was exported from")
    elif found is None:
        problems.append(f"no .pt beside it has the hash {wanted}: the chain ends here")
    yield Link(kind="model", path=str(path), sha256=own, facts=_known(facts), problems=problems)
    if found is not None:
        yield from _follow_checkpoint(found, wanted, set())


def _check_proof(model: Path, own: str) -> Iterator[str]:
    """Say whether the parity gate's record beside a model is of that model."""
    proof = model.with_suffix(_PROOF)
    if not proof.is_file():
        yield f"there is no {proof.name} beside it: nothing proves that it equals its checkpoint"
    elif read_object(proof).get("model_sha256") != own:
        yield f"{proof.name} is the proof of another file: the hash in it does not match"


def _list_evaluations(model_sha256: str) -> dict[str, str]:
    """Return what ``yolokit val`` measured of a model, as facts."""
    facts = {}
    for path in sorted(VAL_RUNS.glob("*/metrics.json")):
        metrics = read_object(path)
        overall = metrics.get("overall")
        if metrics.get("model_sha256") != model_sha256 or not isinstance(overall, dict):
            continue
        score = overall.get("map50_95")
        if isinstance(score, int | float):
            facts[f"val {path.parent}"] = f"mAP50-95 {score:.4f} on {metrics.get('split')}"
    return facts


def _follow_checkpoint(path: Path, sha256: str, seen: set[str]) -> Iterator[Link]:
    """Yield a checkpoint, then the run that made it, if its ``run.json`` lies beside it."""
    lineage = read_lineage(path, sha256)
    record = _read_beside(path)
    stated = record.outputs.get(path.name) if record else None
    if lineage is None:
        problems = [_NO_RUN]
        if stated is not None:
            problems = [f"run.json beside it states another hash of {path.name}: {stated}"]
        yield Link(kind="weights", path=str(path), sha256=sha256, problems=problems)
        return
    is_confirmed = lineage.stated_by == "run.json"
    is_its_run = record is not None and record.id == lineage.run
    problems = []
    if stated not in (None, sha256):
        problems.append(f"run.json beside it states another hash of {path.name}: {stated}")
    elif not is_its_run:
        problems.append(
            "its run.json does not lie beside it: only the file states where it is from"
        )
    facts = {
        "run": lineage.run or "",
        "stated by": "run.json, which has its hash" if is_confirmed else "the file itself",
    }
    if not is_its_run:
        facts["descends from"] = ", ".join(lineage.ancestors) or "nothing"
    yield Link(
        kind="checkpoint", path=str(path), sha256=sha256, facts=_known(facts), problems=problems
    )
    if record is not None and is_its_run:
        yield from _follow_run(path.parent, record, seen)


def _read_beside(path: Path) -> RunRecord | None:
    try:
        return read_record(path.parent)
    except TrainError:  # none, or somebody else's file: the checkpoint is asked instead
        return None


def _follow_run(folder: Path, record: RunRecord, seen: set[str]) -> Iterator[Link]:
    """Yield a run, then what it started from."""
    seen.add(record.id)
    yield Link(kind="run", path=str(folder), facts=_describe_run(record))
    start = record.weights
    if start is None:
        return
    path = Path(start.path)
    here = sha256_file(path) if path.is_file() else None
    if here == start.sha256:
        parent = _read_beside(path)
        if len(seen) < _MOST_LINKS and not (parent and parent.id in seen):
            links = list(_follow_checkpoint(path, here, seen))
            yield _name_weights(links[0], start.name, start.url)
            yield from links[1:]
            return
        problem = "its run is in the chain already: the records contradict each other"
    elif here is None:
        problem = "the file is not there any more; the run's record has its hash"
    else:
        problem = f"the file was changed since: it has the hash {here} now"
    gone = Link(kind="weights", path=start.path, sha256=start.sha256, problems=[problem])
    yield _name_weights(gone, start.name, start.url)


def _name_weights(link: Link, name: str | None, url: str | None) -> Link:
    """Add what the catalog knows; published weights are a beginning, not a break."""
    entry = find_entry(name) if name else None
    facts = {"name": name or "", "from": url or "", "licence": entry.license if entry else ""}
    is_start = entry is not None and link.kind == "weights" and Path(link.path).is_file()
    return msgspec.structs.replace(
        link,
        facts=link.facts | _known(facts),
        problems=[one for one in link.problems if not (is_start and one == _NO_RUN)],
    )


def _describe_run(record: RunRecord) -> dict[str, str]:
    best, around = record.best, record.circumstances
    trained_on = record.data.images.get("train", 0)
    facts = {
        "id": record.id,
        "state": record.state,
        "data": f"{record.data.path}, {counted(trained_on, 'image')} in train",
        "data sha256": record.data.sha256,
        "start": record.weights.sha256 if record.weights else f"nothing ({record.arch})",
        "seed": str(record.config.seed),
        "epochs": f"{len(record.epochs)} of {record.config.epochs}, {record.config.imgsz} px",
        "best": _describe_best(best, record.fitness) if best else "",
        "versions": _join(record.versions),
        "started": record.started,
    }
    if around is not None:
        facts |= {"machine": f"{around.cpu}, {around.os}", "git commit": around.git_commit or ""}
    return _known(facts)


def _describe_best(best: EpochRecord, fitness: str) -> str:
    return f"epoch {best.epoch}, {describe_scores(best.metrics, fitness)} on val"


def _join(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _known(facts: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}
