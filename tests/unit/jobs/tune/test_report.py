"""``report.html`` of a search: what must be in it, whatever came of the search."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, open_chromium
from tests.samples import searches
from tests.samples.searches import make_search
from yolokit.core.events import ignore
from yolokit.jobs.runs.compare import Comparison
from yolokit.jobs.tune.report import Findings, write_report
from yolokit.jobs.tune.space import Choice, Range
from yolokit.jobs.tune.study import Trial
from yolokit.jobs.tune.trial import trial_folder
from yolokit.train.config import TrainConfig

SPACE: dict[str, Range | Choice] = {
    "mosaic": Range("float", 0.0, 1.0),
    "weight_decay": Range("log", 1e-5, 1e-2),
    "box_loss": Choice(("ciou", "giou")),
}
OWN = {"mosaic": 1.0, "weight_decay": 0.0005, "box_loss": "ciou"}
HOSTILE = "<script>alert(1)</script>\"'&\x1b]0;x\x07"


def make(number: int, score: float | None, state: str = "complete", **more: Any) -> Trial:
    values = {**OWN, "mosaic": round(1 / number, 2)}
    return Trial(
        number=number, state=state, values=values, score=score, epochs=4, seconds=90.0, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def compare(better: str | None) -> Comparison:
    return Comparison(
        a="001", b="002", options=(), data=(), metric="mAP50-95", metrics=(), classes=(),
        difference=None, why_not=None, better=better, headline="x",
        reason="A difference of +0.200.",
    )  # fmt: skip


def find(folder: Path, *trials: Trial, better: str | None = None, **changes: Any) -> Findings:
    for trial in trials:
        config = TrainConfig.build({"data": "d", "epochs": 4, "mosaic": trial.values["mosaic"]})
        searches.train(config, ignore, folder=trial_folder(folder, trial.number))
    search = msgspec.structs.replace(make_search(), space=SPACE)
    given: dict[str, Any] = {
        "search": search, "trials": trials, "folder": folder, "data": "d.yaml",
        "importance": {"mosaic": 0.7, "weight_decay": 0.3, "box_loss": 0.0},
        "comparison": compare(better),
    }  # fmt: skip
    return Findings(**(given | changes))


def read(findings: Findings) -> str:
    content = write_report(findings).read_text("utf-8")
    content = re.sub(r"<style>.*?</style>", "", content, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def test_everything_that_a_reader_wants_is_there(tmp_path: Path) -> None:
    trials = (
        make(1, 0.4),
        make(2, 0.6),
        make(3, 0.1, "pruned"),
        make(4, None, "failed", why="NaN"),
    )
    text = read(find(tmp_path, *trials, better="002"))
    for wanted in (
        "4 trials, of which 1 pruned, 1 failed; 3 options varied.",
        "Trial 2 is better than your own options", "A difference of +0.200.",
        "looks better than it is", "0.6000", "+0.2000", "6 min",
        "How much each option decided", "a first impression, not a finding", "PED-ANOVA",
        "Score by trial", "best so far", "Trial 4 failed: NaN",
        "--preset", "best.yaml --seed 1", "yolokit runs compare", "begun",
    ):  # fmt: skip
        assert wanted in text, wanted


@pytest.mark.parametrize(
    ("trials", "verdict"),
    [
        ((make(1, None, "running"),), "No trial is complete yet"),
        ((make(1, 0.4), make(2, 0.3)), "Your own options were the best"),
        ((make(1, 0.4), make(2, 0.6)), "not shown to be better than your own options"),
        ((make(1, 0.4, start_score=0.9),), "No trial got beyond the start"),
        ((make(1, 0.4), make(2, 0.6, start_score=0.9)), "its best.pt is the start itself"),
    ],
)
def test_the_verdict_says_what_is_known(
    tmp_path: Path, trials: tuple[Trial, ...], verdict: str
) -> None:
    assert verdict in read(find(tmp_path, *trials))


def test_without_importances_it_says_why(tmp_path: Path) -> None:
    found = find(tmp_path, make(1, 0.4), make(2, 0.6), importance={})
    assert "Too few trials are complete to say" in read(found)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    found = find(tmp_path, make(1, 0.4), make(2, None, "failed", why=HOSTILE), data=HOSTILE)
    assert "<script" not in write_report(found).read_text("utf-8")


@pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)
def test_it_fits_a_telephone_and_a_desk(tmp_path: Path) -> None:
    trials = [make(number, 0.4 + number / 100) for number in range(1, 9)]
    path = write_report(find(tmp_path, *trials))
    with open_chromium() as tab:
        for width_px in (1200, 360):
            for dark in (False, True):
                tab.open(path, width_px, dark=dark)
                assert tab.evaluate("document.documentElement.scrollWidth") == width_px
                assert tab.console == []
                assert tab.requested_urls() == [path.as_uri()]
