"""A file of lower precision that is slower than its FP32 parent is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yolokit.evaluate.speeds import SideTiming, SpeedComparison, judge_speedups
from yolokit.export.config import ExportConfig
from yolokit.export.gates import speed
from yolokit.export.gates.speed import Speed, SpeedRecord, open_gate
from yolokit.export.gates.toolkit import Candidate, Verdict
from yolokit.files.digest import FileDigest

SLOWER, FASTER = (0.5, 0.6, 0.55, 0.52, 0.58), (1.9, 2.0, 2.1, 1.8, 2.2)
CONTRARY = (0.7, 1.4, 0.9, 1.1, 1.2)


def judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speedups: tuple[float, ...], **options: Any
) -> Verdict:
    side = SideTiming(
        p50_ms=9, p95_ms=10, provider="cpu", precision="fp32", threads=2, peak_rss_bytes=None,
        open_s=0.1,
    )  # fmt: skip

    def compare(first: Any, second: Any, **_: Any) -> SpeedComparison:
        assert [Path(one.model).name for one in (first, second)] == ["parent.onnx", "model.onnx"]
        return SpeedComparison(
            verdict=judge_speedups(speedups), first=side, second=side, speedups=speedups,
            speedup=sorted(speedups)[2],
        )  # fmt: skip

    monkeypatch.setattr(speed, "compare_speed", compare)
    for name in ("parent.onnx", "model.onnx"):
        (tmp_path / name).write_bytes(name.encode())
    config: Any = ExportConfig(weights="best.pt", precision="int8", **options)
    gate = open_gate(config)
    assert isinstance(gate, Speed)
    nothing: Any = None
    return gate.check(
        Candidate(
            model=tmp_path / "model.onnx", parent=tmp_path / "parent.onnx", predictor=nothing,
            weights=Path("best.pt"), digest=FileDigest(sha256="0", size_bytes=1), trust=False,
            images=(), log_path=tmp_path / "log",
        )
    )  # fmt: skip


def test_slower_is_refused_unless_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = judge(tmp_path, monkeypatch, SLOWER)
    (problem,) = refused.problems
    assert problem == (
        "speed 0.55x (0.50x to 0.60x in 5 rounds), 9.00 ms an image, and 9.00 ms for FP32, both "
        "on cpu"
    )
    assert "--allow-slower" in str(refused.hint)
    allowed = judge(tmp_path, monkeypatch, SLOWER, allow_slower=True)
    assert not allowed.problems
    assert isinstance(allowed.record, SpeedRecord)
    assert allowed.record.verdict == "slower", "the record says what was found"


def test_faster_and_undecided_pass_and_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "faster than the FP32 file here" in judge(tmp_path, monkeypatch, FASTER).told[0]
    undecided = judge(tmp_path, monkeypatch, CONTRARY)
    assert not undecided.problems
    assert "the rounds contradict each other" in undecided.told[0]


def test_an_fp32_file_has_no_parent() -> None:
    config: Any = ExportConfig(weights="best.pt")
    assert open_gate(config) is None
