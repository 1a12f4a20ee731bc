"""The page of folds, in a browser: at two widths, in both modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chromium import NO_CHROMIUM, open_chromium
from tests.unit.train.folds.trainings import Trainings
from yolokit.train.config import TrainConfig
from yolokit.train.folds.job import train_folds


@pytest.mark.skipif(NO_CHROMIUM, reason="there is no Chromium")
@pytest.mark.parametrize(("width_px", "dark"), [(1100, False), (360, True)])
def test_the_page_opens_without_an_error(
    data: Path, trainings: Trainings, tmp_path: Path, width_px: int, dark: bool
) -> None:
    assert not trainings.begun
    done = train_folds(TrainConfig(data=str(data), folds=3), folder=tmp_path / "f")
    with open_chromium() as tab:
        tab.open(done.report, width_px, dark=dark)
        assert tab.console == []
        asked = [url for url in tab.requested_urls() if not url.startswith("data:")]
        assert asked == [done.report.resolve().as_uri()]
        text = tab.evaluate("document.body.textContent")
        for wanted in (
            "mAP50-95 0.800 \u00b1 0.100 over 3 folds", "Each class in the folds",
            "How the images were dealt", "What goes wrong", "final.yaml",
        ):  # fmt: skip
            assert wanted in text, wanted
        is_wide = "document.documentElement.scrollWidth > window.innerWidth"
        assert not tab.evaluate(is_wide), "nothing is wider than the window"
