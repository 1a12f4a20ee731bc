"""What a person sees of a bench: narrow tables, the best marked, and what to do next."""

from __future__ import annotations

from typing import Any

import pytest

from yolokit.cli import bench as module
from yolokit.jobs.bench.record import (
    BenchReport,
    Check,
    Combination,
    LeftOut,
    MapDrop,
    Row,
    StageRow,
)
from yolokit.runtime.profiles import Machine

EQUAL = Check(verdict="equal", box_diff_px=1e-4, score_diff=1e-6, compared=58)
CLOSE = Check(
    verdict="close", box_diff_px=0.6, score_diff=0.01, compared=58,
    problem="58 objects found by both, boxes up to 0.6 px and scores up to 0.01 apart",
)  # fmt: skip
WRONG = Check(
    verdict="wrong", box_diff_px=40, score_diff=0.3, problem="raw boxes differ by up to 40 px"
)
CPU, FP32, BF16, COREML, LARGE = (
    Combination("cpu", "fp32", 16),
    Combination("openvino", "fp32", 16),
    Combination("openvino", "bf16", 16),
    Combination("coreml", "fp32", 16),
    Combination("openvino", "fp32", 16, 8),
)


def row(combination: Combination, check: Check = EQUAL, **changes: Any) -> Row:
    values: dict[str, Any] = {
        "rounds": 5, "runs": 500, "p50_ms": 1234.56, "p95_ms": 1300.0, "p99_ms": 1400.0,
        "images_per_s": 1000.0, "speedup": 12.34, "speedup_range": (12.0, 13.0),
        "memory_bytes": 12_345_678_901, "first_start_s": 123.45, "start_s": 12.3,
    }  # fmt: skip
    return Row(combination=combination, check=check, **(values | changes))


def report(**changes: Any) -> BenchReport:
    machine = Machine(cpu="A CPU", cores=16, system="Linux x86_64", versions={})
    values: dict[str, Any] = {
        "rows": (row(FP32), row(BF16, CLOSE), row(CPU), row(COREML, WRONG), row(LARGE)),
        "default": CPU, "best": FP32, "faster": BF16, "profile": "/home/p.json", "seconds": 48.0,
    }  # fmt: skip
    return BenchReport(
        model="m.onnx", sha256="0", machine=machine, input_wh=(640, 640), pictures=8,
        **(values | changes),
    )  # fmt: skip


def show(capsys: pytest.CaptureFixture[str], **changes: Any) -> tuple[str, str]:
    module._print_report(report(**changes))
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_the_tables_fit_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = show(capsys)
    assert max(map(len, out.splitlines())) <= 80
    marked = [line for line in out.splitlines() if line.startswith("*")]
    assert len(marked) == 1
    assert "openvino fp32" in marked[0]


def test_what_is_best_and_what_could_be_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = show(capsys)
    assert "best: openvino fp32 with 16 threads, 1234.6 ms, 12.34x as fast as what predict" in err
    assert "predict takes it from now on; kept in /home/p.json" in err
    assert "in a lower precision: openvino bf16 with 16 threads" in err
    assert "scores up to 0.01 apart. To have it proved" in err
    assert "yolokit bench m.onnx --data DATA.yaml" in err


def test_what_computes_wrong_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = show(capsys)
    assert "WRONG" in next(line for line in out.splitlines() if "coreml" in line)
    told = "WRONG: coreml fp32 with 16 threads: raw boxes differ by up to 40 px; do not use it"
    assert told in err


def test_accuracy_that_was_measured_stands_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    drop = MapDrop(map50_95=0.4531, reference=0.4576, max_drop=0.004, images=87)
    out, err = show(capsys, rows=(row(BF16, CLOSE, map_drop=drop), row(CPU)), best=CPU, faster=None)
    assert "mAP -0.0045" in out
    assert "not taken: openvino bf16 with 16 threads loses 0.0045 of mAP50-95" in err


def test_reasons_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = (LeftOut(what="a", why="no time"), LeftOut(what="b", why="no time"))
    _, err = show(capsys, left_out=left_out)
    assert "left out: a; b: no time" in err


def test_the_default_may_be_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = show(capsys, best=CPU, faster=None)
    assert "nothing that is proved is faster than what predict takes by itself: cpu fp32" in err


def test_without_proof_nothing_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = show(capsys, best=None, profile=None, faster=None)
    assert "nothing is kept for predict" in err
    assert "from now on" not in err


def test_one_that_is_stopped_shows_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    tried = row(CPU, rounds=0, speedup=None, speedup_range=None, start_s=None)
    out, err = show(capsys, rows=(tried,), best=None, faster=None, is_partial=True)
    assert "cpu fp32" in out
    assert err.endswith("stopped early: what is shown is done; nothing is kept for predict\n")


def test_stages_are_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    stages_ms = {"read": 2.0, "preprocess": 0.5, "infer": 10.0, "decode": 1.0, "write": 3.0}
    stages = tuple(
        StageRow(combination=one, images=90, images_per_s=99.5, stages_ms=stages_ms)
        for one in (CPU, FP32)
    )
    out, _ = show(capsys, stages=stages)
    assert "predict, ms an image  threads  img/s  read  preprocess" in out
    assert "99.5" in out


def test_a_default_without_time_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = show(
        capsys, default=None, best=None, faster=None, profile=None, default_is_untried=True
    )
    assert "no time to try what predict takes by itself" in err
    assert "from now on" not in err
