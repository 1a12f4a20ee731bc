"""What a file must score, and what becomes of an export whose accuracy nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.runtime.conftest import raw_table, save_model
from yolokit.errors import ExportError
from yolokit.evaluate.accuracy import measure, open_finder
from yolokit.export.config import ExportConfig
from yolokit.export.gates import accuracy
from yolokit.export.gates.accuracy import AccuracyGate, AccuracyRecord, open_gate
from yolokit.export.gates.toolkit import Candidate
from yolokit.files.digest import FileDigest

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.evaluate.accuracy import Accuracy, LabelledSet

NUT, BOLT = (8.0, 8.0, 24.0, 24.0), (32.0, 16.0, 64.0, 48.0)
ROWS = "0 0.25 0.25 0.25 0.25\n1 0.75 0.5 0.5 0.5\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    import cv2
    import numpy as np

    for kind in ("images", "labels"):
        (tmp_path / "set" / kind / "val").mkdir(parents=True)
    for index in range(12):
        picture = np.full((64, 64, 3), 90, np.uint8)
        cv2.imwrite(str(tmp_path / f"set/images/val/{index}.png"), picture)
        (tmp_path / f"set/labels/val/{index}.txt").write_text(ROWS)
    (tmp_path / "set/data.yaml").write_text("val: images/val\nnames: [nut, bolt]\n")
    return tmp_path / "set/data.yaml"


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    nothing: Any = None
    return Candidate(
        model=save_model(tmp_path / "m.onnx"), predictor=nothing, weights=Path("best.pt"),
        digest=FileDigest(sha256="0", size_bytes=1), trust=False, images=(),
        log_path=tmp_path / "log",
    )  # fmt: skip


def open_for(data: Path | None, **options: Any) -> AccuracyGate | None:
    config: Any = ExportConfig.build({"weights": "best.pt", "data": data, **options})
    return open_gate(config)


@pytest.fixture
def judge(
    tmp_path: Path, candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AccuracyRecord]:
    """Judge a file with these boxes and scores; the trained model finds all that there is."""

    def measure_one(name: str, labelled: LabelledSet, *table: Any) -> Accuracy:
        model = save_model(tmp_path / f"{name}.onnx", raw_table(*table))
        with open_finder(model, provider="cpu", threads=1) as finder:
            return measure(finder, labelled)

    def run(gate: AccuracyGate | None, boxes: Any, scores: Any) -> AccuracyRecord:
        assert gate is not None

        def both(_: Candidate, labelled: LabelledSet) -> tuple[Accuracy, Accuracy]:
            trained = measure_one("trained", labelled, (NUT, BOLT), ((0.9, 0), (0, 0.8)))
            return trained, measure_one("file", labelled, boxes, scores)

        monkeypatch.setattr(accuracy, "_measure_both", both)
        verdict = gate.check(candidate)
        assert isinstance(verdict.record, AccuracyRecord)
        assert list(verdict.problems) == list(verdict.record.problems)
        return verdict.record

    return run


def test_without_a_data_set_there_is_no_such_gate() -> None:
    assert open_for(None) is None


def test_an_equal_file_holds(data: Path, judge: Callable[..., AccuracyRecord]) -> None:
    record = judge(open_for(data), (NUT, BOLT), ((0.85, 0), (0, 0.75)))
    assert (record.verdict, record.lost, record.max_map_drop) == ("as good", 0, 0.002)
    assert (record.images, record.available, record.split) == (12, 12, "val")


def test_a_worse_file_is_refused_with_both_figures(
    data: Path, judge: Callable[..., AccuracyRecord]
) -> None:
    moved = ((NUT, (32.0, 16.0, 60.0, 44.0)), ((0.9, 0), (0, 0.8)))
    record = judge(open_for(data), *moved)
    assert record.verdict == "worse"
    assert "for the trained model: it lost" in record.problems[0]
    assert record.problems[1].startswith("bolt: ")
    assert record.lost is not None
    assert judge(open_for(data, max_map_drop=record.lost), *moved).verdict == "as good"


def test_scores_that_all_fell_are_refused_though_map_is_the_same(
    data: Path, judge: Callable[..., AccuracyRecord]
) -> None:
    record = judge(open_for(data), (NUT, BOLT), ((0.1, 0), (0, 0.1)))
    assert record.lost == 0
    assert record.verdict == "worse"
    assert record.problems[0].startswith("F1 from score 0.25 up on 12 images of val is 0.000")
    assert record.most_different[0].max_score_diff == pytest.approx(0.8)


def test_where_no_label_is_the_record_says_so(data: Path, candidate: Candidate) -> None:
    for path in data.parent.glob("labels/val/*.txt"):
        path.unlink()
    gate = open_for(data)
    assert gate is not None
    verdict = gate.check(replace(candidate))
    assert not verdict.problems
    assert isinstance(verdict.record, AccuracyRecord)
    assert verdict.record.verdict == "not measured"
    assert "no image of the split val has a label" in verdict.told[0]
    with pytest.raises(
        ExportError, match="what int8 costs in accuracy cannot be measured"
    ) as caught:
        open_for(data, precision="int8")
    assert "--max-map-drop 1" in str(caught.value.hint)
    assert open_for(data, precision="int8", max_map_drop=1) is not None


def test_test_serves_where_there_is_no_val(data: Path) -> None:
    data.write_text("test: images/val\nnames: [nut, bolt]\n")
    gate = open_for(data)
    assert gate is not None
    nothing: Any = None
    assert gate.describe(nothing).endswith("12 images of test")
