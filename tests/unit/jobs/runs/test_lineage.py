"""``yolokit runs lineage`` over chains that are whole, broken, and changed afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.jobs.runs.test_runs import call
from tests.unit.runtime.conftest import save_model
from tests.unit.train.report.runs import make_folder
from yolokit.checkpoints.lineage import WeightsRecord
from yolokit.files.digest import sha256_file
from yolokit.jobs.runs.lineage import trace_lineage
from yolokit.runtime.manifest import (
    METADATA_KEY,
    ModelHead,
    ModelIO,
    ModelManifest,
    Provenance,
    encode_manifest,
)
from yolokit.train.record import write_record

EVALUATED = "mAP50-95 0.510 on test of set/data.yaml"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of run ``two``, which began with ``one``'s best.pt, which began with start.pt."""
    monkeypatch.chdir(tmp_path)
    parent = tmp_path / "start.pt"
    parent.write_bytes(b"start")
    for name in ("one", "two"):
        folder = Path("runs/train") / name
        record = make_folder(folder)
        (folder / "best.pt").write_bytes(name.encode())
        record.outputs = {"best.pt": sha256_file(folder / "best.pt")}
        record.weights = WeightsRecord(
            path=str(parent), sha256=sha256_file(parent), name="yolo26n", url="https://example.org"
        )
        write_record(record, folder)
        parent = folder.resolve() / "best.pt"
    manifest = ModelManifest(
        io=ModelIO(input_name="images", shape=(1, 3, 64, 64), input_wh=(64, 64)),
        head=ModelHead(output_name="output0", layout="raw", names=("cat", "dog")),
        provenance=Provenance(
            weights_sha256=sha256_file(parent), license="AGPL-3.0", run="1" * 32, ancestors=("ab",)
        ),
    )
    path = Path("runs/train/two/best.onnx")
    save_model(path, metadata={METADATA_KEY: encode_manifest(manifest)})
    proof = {"verdict": "equal", "model_sha256": sha256_file(path)}
    path.with_suffix(".parity.json").write_text(json.dumps(proof))
    other = {"verdict": "equal", "model_sha256": "0" * 64}
    path.with_suffix(".int8.parity.json").write_text(json.dumps(other))  # of best.int8.onnx
    evaluation = Path("runs/val/best-test")
    evaluation.mkdir(parents=True)
    metrics = {
        "model_sha256": sha256_file(path), "data": "set/data.yaml", "split": "test",
        "overall": {"map50_95": 0.51},
    }  # fmt: skip
    (evaluation / "metrics.json").write_text(json.dumps(metrics))
    return path


def test_the_chain_from_a_model_to_its_first_start(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    links = trace_lineage(model)
    kinds = ["model", *["checkpoint", "run", "data"] * 2, "checkpoint"]
    assert [link.kind for link in links] == kinds
    assert links[0].facts["proof best.parity.json"] == "equal"
    assert links[0].facts["evaluated runs/val/best-test"] == EVALUATED
    assert links[-1].path is not None
    assert links[-1].path.endswith("start.pt")
    assert links[-1].facts["name"] == "yolo26n", "as the run that began with it recorded"
    assert links[-1].facts["fetched from"] == "https://example.org"
    assert not any(link.faults for link in links)
    out, _ = call(capsys, "runs", "lineage", model)
    for word in (links[0].sha256, "AGPL-3.0", "seed 0", "the chain begins here"):
        assert str(word) in out
    assert "the chain is not whole: broken at 2 places" in out, "the data sets are not there"
    out, _ = call(capsys, "runs", "lineage", model.parent, "--json")
    assert [link["kind"] for link in map(json.loads, out.splitlines())] == kinds[1:]


@pytest.mark.parametrize(
    "place", ["runs/train/moved", "runs/train/folds/fold-1", "runs/tune/set/trials/003"]
)
def test_a_run_that_was_moved_is_found_by_its_hashes(model: Path, place: str) -> None:
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path("runs/train/one").rename(place)
    links = trace_lineage(model)
    assert [link.path for link in links if link.kind == "run"][-1] == place


def test_runs_and_evaluations_are_found_from_another_folder(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("runs/train/one").rename("runs/train/moved")
    path = model.resolve()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    links = trace_lineage(path)
    runs = [link.path for link in links if link.kind == "run"]
    assert runs[-1] == str(tmp_path / "runs/train/moved")
    assert links[0].facts[f"evaluated {tmp_path / 'runs/val/best-test'}"] == EVALUATED


def test_a_model_alone_states_where_it_is_from(model: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    links = trace_lineage(model.rename(tmp_path / "alone" / "model.onnx"))
    assert links[0].gaps == ("there is no proof beside it that it equals its checkpoint",)
    assert [link.kind for link in links[1:]] == ["checkpoint", *["run", "data", "checkpoint"] * 2]
    Path("runs").rename("away")
    _, lost = trace_lineage(tmp_path / "alone" / "model.onnx")
    assert f"run {'1' * 32} saved it, and that it descends from ab" in lost.gaps[0]


def test_a_file_that_is_gone_breaks_the_chain(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("runs/train/one/best.pt").unlink()
    out, _ = call(capsys, "runs", "lineage", model)
    assert "BROKEN: what the run began with is not here: only its hash is known" in out
    (model.parent / "best.pt").unlink()
    out, _ = call(capsys, "runs", "lineage", model)
    assert "BROKEN: the checkpoint that it was exported from is not here" in out


def test_a_hash_that_does_not_match_is_a_fault(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("runs/train/one/best.pt").write_bytes(b"another")
    out, _ = call(capsys, "runs", "lineage", model, code=1)
    assert "DOES NOT MATCH: what the run began with was" in out
    out, _ = call(capsys, "runs", "lineage", "runs/train/one", code=1)
    assert "run.json states another hash of it" in out
    model.with_suffix(".parity.json").write_text('{"verdict": "equal", "model_sha256": "0"}')
    out, _ = call(capsys, "runs", "lineage", model, code=1)
    assert "is the proof of another file" in out


def test_what_is_not_there_is_named(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, error = call(capsys, "runs", "lineage", "nothing.pt", code=4)
    assert "nothing.pt" in error
    _, error = call(capsys, "runs", "lineage", model.parent.parent, code=1)
    assert "is not a run" in error
