"""``report.html`` of a search and its chart: what must be in it, whatever came of the search."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, photograph
from tests.samples.optimizing import FIGURES, FakeSearch, make_search
from yolokit.jobs.optimize.candidates import Score
from yolokit.jobs.optimize.front_chart import draw_front
from yolokit.jobs.optimize.job import OptimizeResult
from yolokit.jobs.optimize.page import Findings, build_page, write_report
from yolokit.report.render import render_page

HOSTILE = "<script>alert(1)</script>\"'&\x1b]0;x\x07"


@pytest.fixture
def result(tmp_path: Path) -> OptimizeResult:
    return FakeSearch(tmp_path, FIGURES | {"int8.cpu-fp32": (2.2, 0.43)}).run(min_speedup=1.5)


def read(html: str) -> str:
    content = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def test_everything_that_a_reader_wants_is_there(result: OptimizeResult) -> None:
    text = read(result.report.read_text("utf-8"))
    for wanted in (
        "at most 0.01 mAP50-95 lost, at least 1.5x as fast",
        "The winner: fp32 on openvino bf16, 1.80x as fast",
        "a little flattered",
        "fp32 on openvino bf16: the winner",
        "It loses 0.0300 mAP, 0.01 are allowed.",
        "It is 1.10x as fast, 1.5x was asked for.",
        "It failed: no suitable implementations.",
        "yolokit predict",
        "--provider openvino --precision bf16",
    ):
        assert wanted in text, wanted
    assert result.report.stat().st_size < 100_000


def test_limits_winner_and_front_are_marked_in_the_chart(result: OptimizeResult) -> None:
    svg = draw_front(result.ranking).svg
    for wanted in ("limit: 1.5x as fast", "limit: 0.01 lost", "trained model", "2 winner"):
        assert f">{wanted}<" in svg
    assert "curve s3" in svg, "the front is a line"


def test_the_chart_leaves_out_what_is_far_away_and_says_so(tmp_path: Path) -> None:
    figures = FIGURES | {"int8.cpu-fp32": (3.0, 0.01)}
    chart = draw_front(FakeSearch(tmp_path, figures).run().ranking)
    assert "2 candidates are far slower or less accurate" in chart.summary
    assert "0.2</text>" not in chart.svg


def test_where_nothing_was_measured_there_is_no_chart_but_a_page(tmp_path: Path) -> None:
    result = FakeSearch(tmp_path, dict.fromkeys(FIGURES)).run()
    assert result.published is None
    text = read(result.report.read_text("utf-8"))
    assert "Nothing to draw" in text


def test_a_test_split_is_told_beside_val(result: OptimizeResult) -> None:
    assert result.published is not None
    score = Score(map50_95=0.44, map50=0.9, images=50, split="test")
    trained = msgspec.structs.replace(score, map50_95=0.45)
    published = msgspec.structs.replace(result.published, test=score, trained_test=trained)
    found = Findings(
        search=make_search(), folder=result.folder, ranking=result.ranking,
        trained=result.trained, published=published,
    )  # fmt: skip
    text = read(render_page(build_page(found)))
    assert "mAP50-95 on test 0.4400 trained model: 0.4500; nothing was chosen by it" in text
    assert "has no test split" not in text


def test_text_of_others_stays_text(result: OptimizeResult) -> None:
    found = Findings(
        search=make_search(weights=HOSTILE, machine=HOSTILE), folder=result.folder,
        ranking=result.ranking, trained=result.trained, published=result.published,
    )  # fmt: skip
    content = write_report(found).read_text("utf-8")
    assert "<script" not in content
    assert "\x1b" not in content
    assert "&lt;script&gt;" in content


@pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)
@pytest.mark.parametrize(("width_px", "dark"), [(360, False), (1200, True)])
def test_it_opens_at_any_width_in_both_modes(
    result: OptimizeResult, width_px: int, dark: bool
) -> None:
    _, console = photograph(result.report, width_px=width_px, dark=dark)
    assert console == []
