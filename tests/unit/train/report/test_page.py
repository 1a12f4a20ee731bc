"""``report.html``: what must be in it, whatever the run was."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tests.unit.train.report.runs import make_folder
from yolokit.core.events import Event, Notice, Phase
from yolokit.engine.cadence import Cadence
from yolokit.engine_protocol.training import UsedSettings
from yolokit.engine_protocol.validations import BEST_VALIDATION, START_VALIDATION
from yolokit.errors import JobCancelledError
from yolokit.report.page import Text
from yolokit.train.record import read_record
from yolokit.train.report import draw
from yolokit.train.report.draw import draw_result
from yolokit.train.report.page import write_report
from yolokit.train.report.sections import describe_time
from yolokit.train.report.summary import summarize

EARLIER = Path(__file__).resolve().parents[3] / "written_by_0_1_0" / "runs" / "train" / "done"
HOSTILE = "<script>alert(1)</script>\"'&\x1b]0;x\x07"


def read_text(path: Path) -> str:
    """The words of a page, without tags and styles."""
    content = re.sub(r"<style>.*?</style>", "", path.read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def test_everything_that_a_reader_wants_is_there(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run", jitter_px=9)
    text = read_text(write_report(record, tmp_path / "run"))
    for wanted in (
        "Training run run", "Complete: 8 of 8 epochs on 40 images with 80 boxes of 2 classes",
        "Converged; before 0.020, after 0.598: training brought +0.578",
        "mAP50-95 before training", "How far off the model is", "Learning rate", "bias",
        "are of best.pt: epoch 8.", "Errors by kind", "Objects by size", "Confusion matrix",
        "Which confidence to use",
        "The worst images", "Where it started", "3 of 3 tensors",
        "validation took 20%", "50% of that time it waited for images",
        "The optimizer made 28 steps in all", "No step fell in epoch 1: nothing was learnt there",
        "In the folder", BEST_VALIDATION, START_VALIDATION, "what to export",
        "yolokit export", "yolokit val", "--set cache=ram",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_what_chose_best_pt_is_named_with_its_figures(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run", jitter_px=9, fitness="recall@0.9")
    text = read_text(write_report(record, tmp_path / "run"))
    for wanted in (
        "recall@0.9 before 0.100, after 0.500: training brought", "are of best.pt: epoch 3.",
        "the difference in recall@0.9 would lie between", "recall@0.9 before 0.100 the start",
        "recall@0.9 after 0.500 epoch 3, on val", "mAP50-95 0.525 how well boxes fit",
        "recall@0.9 chose the best epoch", "recall@0.9 before training",
        "best.pt was chosen by recall@0.9: the highest recall at a precision of at least 0.9, each",
    ):  # fmt: skip
        assert wanted in text, wanted


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        (4, "A step sums up 4 batches of 8 images, where `nbs` asks for 64 images; a whole epoch"),
        (20, "A step sums up 8 batches of 8 images, where `nbs` asks for 64 images."),
    ],
)
def test_what_a_step_is_on_a_small_set_is_said(tmp_path: Path, batches: int, said: str) -> None:
    """With 32 images in batches of 8, an epoch is one step of 32 images, not of 64."""
    record = make_folder(tmp_path / "run")
    cadence = Cadence.fit(batches=batches, full=8, warmup=0, epochs=8)
    record.used = UsedSettings(
        images=batches * 8, batch=8, batches=batches, accumulate=cadence.full,
        steps_per_epoch=cadence.count_steps(7), steps=8, warmup_batches=0, warmup_bias_lr=0,
        optimizer="AdamW", lr0=0.001, momentum=0.9, weight_decay=0, workers=0, threads=1,
    )  # fmt: skip
    (section,) = describe_time(record)
    sentences = [block.text for block in section.blocks if isinstance(block, Text)]
    assert any(sentence.startswith(said) for sentence in sentences), sentences
    assert cadence.count_steps(7) == -(-batches // cadence.full), "no epoch is without a step"


def test_a_burst_does_not_flatten_the_other_losses(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run")
    assert "is drawn there" not in read_text(write_report(record, tmp_path / "run"))
    record.epochs[3].metrics["val_box_loss"] = 3000
    text = read_text(write_report(record, tmp_path / "run"))
    assert "Unstable; " in text
    assert "The loss on val rose from 4 in the first epoch to 3,000 in epoch 4" in text
    assert "less is better); what is above" in text


def test_verdict_comes_first_and_marks_are_in_the_charts(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run")
    page = write_report(record, tmp_path / "run").read_text("utf-8")
    assert page.index('class="verdict') < page.index("<svg")
    assert ">best<" in page


def test_a_run_without_validation_has_no_empty_boxes(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run", validate=False, start_jitter_px=None)
    text = read_text(write_report(record, tmp_path / "run"))
    assert "Too little to tell" in text
    assert "No epoch was validated." in text
    assert "Precision" not in text
    assert "mAP on val" not in text
    assert "all losses together" in text


def test_where_the_start_stays_best_the_page_warns_and_says_whose_errors_it_shows(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    record = make_folder(folder)
    assert record.start_epoch is not None
    record.start_epoch.metrics["mAP50-95"] = 0.7
    start = (folder / START_VALIDATION).read_bytes()
    (folder / BEST_VALIDATION).write_bytes(start)
    page = write_report(record, folder)
    assert 'class="verdict warning"' in page.read_text("utf-8")
    text = read_text(page)
    assert "before 0.700, after 0.598: training made it no better" in text
    assert "are of best.pt: the start, which no epoch was better than." in text


def test_names_that_are_hostile_are_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "run<b>"
    record = make_folder(folder, names=(HOSTILE, "dog"))
    record.state, record.error = "failed", HOSTILE
    page = write_report(record, folder).read_text("utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert "It ended by an error: &lt;script&gt;" in page


def test_images_that_are_gone_cost_their_pictures_alone(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run")
    for image in (tmp_path / "run" / "images").iterdir():
        image.unlink()
    text = read_text(write_report(record, tmp_path / "run"))
    assert "Confusion matrix" in text


@pytest.mark.parametrize("damage", ["gone", "broken", "of another epoch", "of another set"])
def test_detections_that_are_not_those_of_best_pt_are_told(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "run"
    record = make_folder(folder)
    path = folder / BEST_VALIDATION
    if damage == "gone":
        path.unlink()
    elif damage == "broken":
        path.write_bytes(b"PK")
    elif damage == "of another epoch":
        record.epochs.pop()
    else:
        record.data = msgspec.structs.replace(record.data, names=["cat"])
    text = read_text(write_report(record, folder))
    assert "What best.pt found in each image is not known here" in text
    assert "Confusion matrix" not in text
    assert "How much of that is chance is not known." in text


def test_a_run_of_an_earlier_version_is_drawn(tmp_path: Path) -> None:
    record = read_record(EARLIER)
    folder = tmp_path / "run"
    folder.mkdir()
    text = read_text(write_report(record, folder))
    assert "Too little to tell" in text
    assert "1 of 1 epoch on 4 images with 5 boxes of 1 class" in text
    assert "waited for images" not in text, "it was not recorded"


def test_a_failure_to_draw_is_told_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_folder(tmp_path / "run")
    told: list[Event] = []

    def fail(*_given: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr(draw, "write_report", fail)
    assert draw_result(record, tmp_path / "run", told.append) is None
    assert told == [
        Phase("drawing the report"),
        Notice("note: report.html was not drawn: no ink (ValueError); the run is not affected"),
    ]
    assert (tmp_path / "run" / "curves.png").is_file()
    assert not (tmp_path / "run" / "report.html").exists()


def test_an_error_of_who_is_told_is_not_taken_for_one_of_drawing(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run")

    def refuse(event: Event) -> None:
        if isinstance(event, Notice):
            raise JobCancelledError("enough")

    with pytest.raises(JobCancelledError, match="enough"):
        draw_result(record, tmp_path / "run", refuse)


def test_the_end_says_verdict_baseline_what_to_open_and_what_comes_next(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run")
    told: list[Event] = []
    summary = draw_result(record, tmp_path / "run", told.append)
    assert summary == summarize(record, tmp_path / "run")
    lines = [event.message for event in told if isinstance(event, Notice)]
    assert lines[0].startswith("verdict: Converged; before 0.020, after 0.598")
    assert f"open: {tmp_path / 'run' / 'report.html'}" in lines
    assert lines[-1].startswith("next: yolokit export ")
    assert not any("`" in line for line in lines)


def test_a_run_without_an_epoch_has_nothing_to_draw(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run", epochs=0)
    assert draw_result(record, tmp_path / "run", lambda _event: None) is None
    assert not (tmp_path / "run" / "report.html").exists()


def test_an_interrupted_run_says_first_how_to_go_on(tmp_path: Path) -> None:
    record = make_folder(tmp_path / "run", state="interrupted")
    advice = summarize(record, tmp_path / "run").advice
    assert advice[0].startswith("Go on where it ended: `yolokit train --resume --out ")
