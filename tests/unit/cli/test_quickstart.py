"""The last words of a quickstart: what happened, for somebody who is new to this."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.cli.quickstart import describe_outcome
from yolokit.jobs.quickstart_result import QuickstartResult, Score

BEFORE = Score(conf=0.06, parts=306, found=95, marked=420, map50=0.1364, map50_95=0.116)
AFTER = Score(conf=0.41, parts=306, found=277, marked=278, map50=0.9554, map50_95=0.823)


@pytest.fixture
def result() -> QuickstartResult:
    return QuickstartResult(
        folder=Path("runs/quickstart"),
        classes=("bolt", "nut", "washer", "gear"),
        images={"train": 330, "val": 44, "test": 66},
        epochs=8,
        steps=[],
        before=BEFORE,
        after=AFTER,
        map50_before=BEFORE.map50,
        map50_after=AFTER.map50,
        map50_95_after=AFTER.map50_95,
        matched=117,
        files={},
        seconds=100.0,
    )


def test_the_outcome_is_told_in_counts(result: QuickstartResult) -> None:
    text = " ".join(describe_outcome(result).split())
    assert "To learn bolt, nut, washer and gear," in text
    assert "it looked 8 times at 330 pictures" in text
    assert "66 pictures that it had never seen" in text
    assert "before it finds 95 of 306 parts (31 of 100); 325 of 420 marked boxes are wrong" in text
    assert "after it finds 277 of 306 parts (91 of 100); 1 of 278 marked boxes is wrong" in text
    assert "`yolokit predict --conf 0.41`" in text
    assert "0.136 before, 0.955 after" in text
    assert "117 boxes were compared" in text


def test_lines_fit_a_terminal(result: QuickstartResult) -> None:
    assert max(map(len, describe_outcome(result).splitlines())) <= 100


def test_the_old_figures_stay_in_the_json(result: QuickstartResult) -> None:
    """Programs read them; what is new is added."""
    fields = set(QuickstartResult.__struct_fields__)
    assert fields >= {"folder", "steps", "map50_before", "map50_after", "map50_95_after"}
    assert fields >= {"matched", "files", "seconds"}
    assert result.after.wrong == 1
