"""What ``yolokit optimize`` prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.samples.optimizing import FIGURES, FakeSearch, Figures
from yolokit.cli import optimize
from yolokit.cli.main import main
from yolokit.jobs.optimize import job
from yolokit.jobs.optimize.config import OptimizeConfig

# The longest names that there are.
LONG: Figures = FIGURES | {
    "int8-inputs.openvino-bf16": (2.9, 0.43),
    "int8-inputs-entropy.openvino-bf16": (2.9, 0.42),
    "int8-inputs-minmax.openvino-bf16": (2.9, 0.44),
    "int8-inputs-symmetric.openvino-bf16": (2.9, 0.1),
    "int8-inputs-minmax-float1.openvino-bf16": (2.8, 0.445),
    "int8-inputs-minmax-float2.openvino-bf16": (2.7, 0.452),
}
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str, figures: Figures = FIGURES) -> int:
        search = FakeSearch(tmp_path, figures)

        def find(config: OptimizeConfig, on_event: Any) -> object:
            return job.run_search(config, search._open, on_event)

        monkeypatch.setattr(job, "find_fastest", find)
        out = str(tmp_path / "search")
        with pytest.raises(SystemExit) as raised:
            main(["optimize", "best.pt", "--data", "d.yaml", "--out", out, *arguments])
        return int(raised.value.code or 0)

    return call


def test_the_front_is_printed_in_a_hundred_columns(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(figures=LONG) == 0
    printed = capsys.readouterr().out.splitlines()
    assert max(map(len, printed)) <= 100
    rows = [line.split() for line in printed]
    marks = {" ".join(row[1:-6]): row[0] for row in rows if row and row[0] in "*o"}
    assert marks["int8-inputs-minmax-float2 openvino bf16"] == "*"
    assert marks["fp32 openvino bf16"] == "o"
    assert printed[-2].startswith("best: int8 (inputs, minmax, 2 layers in float) on openvino bf16")
    assert printed[-1].endswith("best.onnx")


def test_what_failed_is_told_with_its_reason(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert "int8 on openvino bf16 failed: no suitable implementations" in capsys.readouterr().err


def test_without_a_winner_the_front_is_printed_all_the_same(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--min-speedup", "4") == 5
    out, err = capsys.readouterr()
    assert "openvino bf16" in out
    assert "error: no candidate keeps the limits (at most 0.01 mAP50-95 lost, at least 4x" in err
    assert "- the fastest that loses no more than 0.01 mAP50-95: fp32 on openvino bf16" in err
    assert "hint:" in err


def test_json_is_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["published"]["candidate"]["engine"]["precision"] == "bf16"
    assert found["ranking"]["winner"]["speedup"] == 1.8
    assert len(found["ranking"]["places"]) + len(found["ranking"]["others"]) == 11


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--min-speedup", "0.5"], "min_speedup: must be a number of at least 1"),
        (["--max-latency", "0"], "max_latency: must be a number above 0"),
        (["--max-map-drop", "2"], "max_map_drop: must be a number of at most 1"),
        (["--provider", "opevino"], "did you mean 'openvino'?"),
        (["--provider", "auto"], "provider: auto is what happens without the option"),
        (["--imgsz", "100"], "imgsz: must be a multiple of 32"),
        (["--trust", "other.pt"], "trust: must name the file that is made fast"),
        (["--name", "x"], "out and name: give one of them"),
    ],
)
def test_mistakes_are_told(
    run: Run, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert told in capsys.readouterr().err


def test_the_folder_is_called_after_that_of_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = OptimizeConfig.build({"weights": "runs/train/mine/best.pt", "data": "d"})
    assert config.folder == tmp_path / "runs" / "optimize" / "mine"
    named = OptimizeConfig.build({"weights": "a.pt", "data": "d", "name": "other"})
    assert named.folder == tmp_path / "runs" / "optimize" / "other"
    assert optimize.optimize.__doc__
