"""The account balances, and too great a loss stops everything."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.labels.ledger import Ledger, LedgerTotals
from yolokit.labels.max_drop import MaxDrop
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile

SOURCE = SourceFile("labels/a.txt")


def make_ledger(kept: int, dropped: int, excluded: int = 0) -> Ledger:
    ledger = Ledger()
    ledger.see(kept + dropped + excluded)
    ledger.keep(kept)
    for line in range(dropped):
        ledger.record(SOURCE, line + 1, "dropped", "empty-box", "the box has no area")
    for line in range(excluded):
        ledger.record(SOURCE, line + 1, "excluded", "iscrowd", "a crowd")
    return ledger


def test_all_outcomes_are_counted() -> None:
    ledger = make_ledger(kept=5, dropped=1, excluded=2)
    ledger.see(2)
    ledger.record(SOURCE, 7, "clipped", "clipped", "sticks out")
    ledger.record(SOURCE, 8, "reinterpreted", "polygon-to-box", "a polygon")
    ledger.note(SOURCE, None, "renamed", "a -> b")
    assert ledger.close(MaxDrop(count=1)) == LedgerTotals(10, 5, 1, 1, 1, 2, 1)
    assert ledger.codes() == {
        "excluded: iscrowd": 2,
        "clipped: clipped": 1,
        "dropped: empty-box": 1,
        "noted: renamed": 1,
        "reinterpreted: polygon-to-box": 1,
    }


def test_an_annotation_without_an_outcome_is_found() -> None:
    ledger = make_ledger(kept=5, dropped=0)
    ledger.see(1)
    with pytest.raises(AssertionError, match="does not balance"):
        ledger.close(MaxDrop(share=1.0))


@pytest.mark.parametrize(
    ("limit", "dropped", "fits"),
    [("0.5%", 1, True), ("0.5%", 2, False), ("1", 1, True), ("1", 2, False), ("0", 0, True)],
)
def test_the_limit_is_a_share_or_a_count(limit: str, dropped: int, fits: bool) -> None:
    ledger = make_ledger(kept=200 - dropped, dropped=dropped)
    if fits:
        assert ledger.close(MaxDrop.parse(limit)).dropped == dropped
    else:
        with pytest.raises(DataError, match=r"limit of"):
            ledger.close(MaxDrop.parse(limit))


def test_excluded_annotations_are_no_part_of_the_share() -> None:
    assert make_ledger(kept=1, dropped=1, excluded=998).totals.dropped_share == 0.5
    assert make_ledger(kept=0, dropped=0, excluded=3).totals.dropped_share == 0.0


def test_the_error_shows_the_first_places_and_counts_the_rest() -> None:
    with pytest.raises(DataError) as caught:
        make_ledger(kept=1, dropped=7).close(MaxDrop.parse("0.5%"))
    text = str(caught.value)
    assert "7 of 8 annotations (87.50%)" in text
    assert "labels/a.txt:1: the box has no area" in text
    assert "labels/a.txt:5" in text
    assert "labels/a.txt:6" not in text
    assert "2 more" in text
    assert caught.value.hint is not None
    assert "--max-drop" in caught.value.hint


@pytest.mark.parametrize("text", ["", "x", "-1", "101%", "-1%", "nan%", "0.5", "5 %%"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        MaxDrop.parse(text)


def test_a_limit_is_shown_as_it_was_given() -> None:
    assert str(MaxDrop.parse("0.5%")) == "0.5%"
    assert str(MaxDrop.parse("12")) == "12"


def test_rewinding_forgets_one_pass() -> None:
    ledger = make_ledger(kept=2, dropped=1)
    before = ledger.totals
    mark = ledger.mark()
    for _ in range(2):
        ledger.rewind(mark)
        ledger.see(1)
        ledger.record(SOURCE, 3, "dropped", "empty-box", "again")
    assert ledger.totals.dropped == before.dropped + 1
    assert len(ledger.entries) == 2
    ledger.rewind(mark)
    assert ledger.totals == before


def test_the_file_begins_with_the_totals_and_lists_every_entry(tmp_path: Path) -> None:
    ledger = make_ledger(kept=1, dropped=2)
    ledger.record(SourceFile("a.json", "index"), 0, "dropped", "empty-box", "no area")
    ledger.see(1)
    ledger.write(tmp_path / "ledger.jsonl", {"source": "here"})
    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert lines[0]["source"] == "here"
    assert lines[0]["totals"]["annotations_in"] == 4
    assert lines[0]["codes"] == {"dropped: empty-box": 3}
    assert [line.get("line") for line in lines[1:]] == [1, 2, None]
    assert lines[3]["index"] == 0
    assert ledger.entries[0].place == "labels/a.txt:1"
    assert ledger.entries[2].place == "a.json: annotation 0"


def test_what_is_excluded_is_entered_by_row_and_gone() -> None:
    annotations = Annotations(
        np.array([0, 1, 2], np.int64), np.ones((3, 4)), np.array([10, 20, 30], np.int64)
    )
    labelled = LabelledImage(ImageRecord("a.jpg", 8, 8, None, None, SOURCE), annotations)
    ledger = Ledger()
    assert ledger.exclude(labelled, "area", {}) is labelled
    left = ledger.exclude(labelled, "area", {2: "too large", 0: "too small"})
    assert left.annotations.places.tolist() == [20]
    assert left.image is labelled.image
    assert [(one.line, one.action, one.message) for one in ledger.entries] == [
        (10, "excluded", "too small"),
        (30, "excluded", "too large"),
    ]
