from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.samples.pairs import found, truth
from yolokit.evaluate.analysis import analyse
from yolokit.evaluate.job import ValReport
from yolokit.evaluate.trained import TrainedFigures
from yolokit.evaluate.val_page import explain_difference, make_page
from yolokit.metrics.coco import BoxMetrics
from yolokit.report.page import Commands, Table, Verdict
from yolokit.report.render import is_made_by, render_page

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import Detections
    from yolokit.labels.model import Annotations
    from yolokit.report.page import Page

A, B = (0, 0, 40, 40), (100, 0, 140, 40)
TRAINED = TrainedFigures(
    record="runs/train/x/run.json", weights="best.pt", epoch=7, map50=0.9, map50_95=0.5,
    precision="bf16",
)  # fmt: skip


def report_on(labels: Annotations, detections: Detections) -> ValReport:
    return ValReport(
        model="my runs/best.onnx", model_sha256="0" * 64, data="/data/data.yaml", split="val",
        conf=0.001, iou=0.7, max_det=300, provider="cpu", threads=1, images=1, wall_s=0.5,
        extra_classes=("cat",), limits=(), classes=(), notes=("a note",), input_wh=(320, 320),
        overall=BoxMetrics(name="all", images=1, boxes=1, map50=0.8, map50_95=0.45, conf=0.25),
        precision="fp32", analysis=analyse([("a.png", labels, detections)], ["nut", "bolt"]),
    )  # fmt: skip


def verdict_of(page: Page) -> Verdict:
    (verdict,) = (b for section in page.sections for b in section.blocks if isinstance(b, Verdict))
    return verdict


def test_the_verdict_fits_the_f1() -> None:
    good = report_on(truth((0, A)), found((0, 0.9, A)))
    assert verdict_of(make_page(good)).mood == "good"
    fair = report_on(truth((0, A), (0, B)), found((0, 0.9, A)))
    verdict = verdict_of(make_page(fair))
    assert verdict.mood == "warning"
    assert "it finds 1 of 2 objects" in verdict.headline
    assert "Missed objects cost most" in " ".join(verdict.next)
    assert "Nothing is known about bolt" in " ".join(verdict.next)
    bad = report_on(truth((0, A)), found((1, 0.9, A)))
    assert verdict_of(make_page(bad)).mood == "bad"


def test_a_model_whose_boxes_are_all_wrong_is_not_said_to_find_nothing() -> None:
    """As where data set and model have their classes in another order."""
    page = make_page(report_on(truth((0, A), (1, B)), found((1, 0.9, A), (0, 0.8, B))))
    verdict = verdict_of(page)
    assert "at confidence 0.250 it finds 0 of 2 objects; it gives 2 boxes" in verdict.headline
    assert any("Mixed-up classes cost most" in one for one in verdict.next)
    html = render_page(page)
    assert "no box is right at any" in html
    assert "None: no box is right, whatever its confidence." in html
    assert "--conf" not in html


def test_a_split_without_labels_has_nothing_to_measure() -> None:
    page = make_page(report_on(truth(), found((0, 0.9, A))))
    assert verdict_of(page).mood == "warning"
    assert "nothing to measure" in render_page(page)


def test_the_next_commands_can_be_copied() -> None:
    page = make_page(report_on(truth((0, A)), found((0, 0.9, A))))
    (commands,) = (b for one in page.sections for b in one.blocks if isinstance(b, Commands))
    assert [line for line, _ in commands.commands] == [
        "yolokit predict 'my runs/best.onnx' IMAGES --conf 0.250",
        "yolokit data check /data/data.yaml --model 'my runs/best.onnx'",
    ]


def test_torchs_figures_stand_beside_the_files_with_the_reason() -> None:
    report = msgspec.structs.replace(report_on(truth((0, A)), found((0, 0.9, A))), trained=TRAINED)
    (section,) = (one for one in make_page(report).sections if "training run" in one.title)
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert table.rows == (
        ("mAP50", "0.900", "0.800", "-0.100"), ("mAP50-95", "0.500", "0.450", "-0.050"),
    )  # fmt: skip
    reason = explain_difference(report, TRAINED)
    assert "takes 320 x 320 px" in reason
    assert "another rule than COCO's" in reason
    assert "computed in bf16, the file in fp32" in reason
    alike = msgspec.structs.replace(TRAINED, validation="deployed")
    assert "as the file is measured" in explain_difference(report, alike)


def test_notes_are_in_it_and_the_page_is_known_again(tmp_path: Path) -> None:
    text = render_page(make_page(report_on(truth((0, A)), found((0, 0.9, A)))))
    assert "a note" in text
    assert "cat" in text
    path = tmp_path / "report.html"
    path.write_text(text, "utf-8")
    assert is_made_by(path, "yolokit val")
    path.write_text("<!doctype html><title>yolokit val: mine</title>", "utf-8")
    assert not is_made_by(path, "yolokit val")
