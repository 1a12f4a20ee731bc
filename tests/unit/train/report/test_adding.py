"""What a report says of classes that were added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.unit.train.report.runs import make_folder
from tests.unit.train.report.test_page import read_text
from yolokit.engine_protocol.added import AddedClasses, AddingProof
from yolokit.engine_protocol.validations import BEST_VALIDATION
from yolokit.train.report.adding import score_groups
from yolokit.train.report.end import describe_end
from yolokit.train.report.page import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.train.record import RunRecord

PROOF = AddingProof(
    images=16, old_tensors=499, changed_tensors=0, max_score_diff=2e-10, max_box_diff_px=0.0,
    max_stray_score=1e-13, parameters=(1000, 1100), flops=(2000, 2500), imgsz=320,
)  # fmt: skip


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    """A run that added three classes to cat; val has labels of cat and dog alone."""
    made = make_folder(tmp_path / "run", names=("cat", "dog", "ant", "bird"))
    assert made.start is not None
    added = AddedClasses(old=["cat"], new=["dog", "ant", "bird"], class_ids=[0, 1, 2, 3])
    made.start = msgspec.structs.replace(made.start, added=added)
    made.adding = PROOF
    return made


def test_old_and_new_classes_have_a_score_each(record: RunRecord, tmp_path: Path) -> None:
    old, new = score_groups(record, tmp_path / "run")
    assert (old.group, list(old.classes)) == ("old", ["cat"])
    assert old.map50_95 == old.classes["cat"] is not None
    assert new.classes["bird"] is None
    assert new.map50_95 == new.classes["dog"] is not None, "of those with labels"


def test_the_page_says_what_stays_and_what_it_costs(record: RunRecord, tmp_path: Path) -> None:
    text = read_text(write_report(record, tmp_path / "run"))
    for wanted in (
        "Old and new classes", "3 classes were added to 1 class that stays as it was: dog",
        "mAP50-95 of old classes", "mAP50-95 of new classes",
        "+10.0%", "1,000 before, 1,100 after", "+25.0%",
        "all 499 tensors of the old detector are in the new one, bit for bit",
        "2 classes without a label in val ant, bird",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_the_end_of_a_run_states_both(record: RunRecord) -> None:
    record.stopped = record.stop("epochs")
    assert describe_end(record)[0] == (
        "old classes score as before, within 2e-10 on 16 images of val; the new classes add 10.0% "
        "to the parameters and 25.0% to the FLOPs"
    )


def test_scores_that_were_not_kept_are_told(record: RunRecord, tmp_path: Path) -> None:
    (tmp_path / "run" / BEST_VALIDATION).unlink()
    text = read_text(write_report(record, tmp_path / "run"))
    assert "How well each class is found is not known here" in text
    assert "+25.0%" in text
