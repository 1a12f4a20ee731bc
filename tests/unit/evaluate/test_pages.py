from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from tests.samples.pairs import found, random_images, truth
from yolokit.evaluate.analysis import Analysis, analyse
from yolokit.evaluate.pages import analysis_sections
from yolokit.evaluate.pictures import COLORS, draw_worst
from yolokit.evaluate.words import floor_conf
from yolokit.report.page import Chart, Details, Gallery, Page, Table, Text
from yolokit.report.render import render_page

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.report.page import Section

NUT, BOLT = 0, 1
A, B = (20, 20, 120, 120), (180, 20, 280, 120)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "a & b.png"
    cv2.imwrite(str(path), np.full((200, 300, 3), 90, np.uint8))
    return path


@pytest.fixture
def analysis(image: Path) -> Analysis:
    labels = truth((NUT, A), (BOLT, B))
    detections = found((NUT, 0.9, A), (NUT, 0.8, B), (BOLT, 0.7, (20, 150, 60, 190)))
    return analyse([(str(image), labels, detections)], ["nut", "bolt", "<gear>"])


def blocks(sections: list[Section], kind: type) -> list[object]:
    return [block for one in sections for block in one.blocks if isinstance(block, kind)]


def test_all_parts_are_there_and_it_renders(analysis: Analysis) -> None:
    sections = analysis_sections(analysis)
    assert [one.title for one in sections] == [
        "What goes wrong", "Class by class", "What is taken for what", "Which confidence to use",
        "The worst images",
    ]  # fmt: skip
    titles = [chart.title for chart in blocks(sections, Chart)]  # type: ignore[attr-defined]
    assert titles == [
        "Errors by kind", "Confusion matrix",
        "Precision, recall and F1 over confidence, all classes",
        "F1 over confidence, each class", "Precision over recall",
    ]  # fmt: skip
    text = render_page(Page("t", "l", tuple(sections)))
    assert "&lt;gear&gt;" in text
    assert "<gear>" not in text
    assert "a &amp; b.png, as labelled: 2 objects" in text
    assert f"best: {floor_conf(analysis.conf)}" in text


def test_the_figures_are_those_of_the_analysis(analysis: Analysis) -> None:
    tables = blocks(analysis_sections(analysis), Table)
    rows = {row[0]: row for one in tables for row in one.rows}  # type: ignore[attr-defined]
    assert rows["missed"][1:5] == ("1", "0", "0", "1")
    assert rows["nut"][-1] == "1.000"


def test_a_gallery_has_each_image_as_labelled_and_as_found(analysis: Analysis) -> None:
    (gallery,) = blocks(analysis_sections(analysis), Gallery)
    assert isinstance(gallery, Gallery)
    assert [one.alt for one in gallery.pictures] == [
        "a & b.png, as labelled", "a & b.png, as found",
    ]  # fmt: skip


def test_an_image_that_is_gone_is_named(analysis: Analysis, image: Path) -> None:
    image.unlink()
    sections = analysis_sections(analysis)
    assert blocks(sections, Gallery) == []
    (gone,) = (one for one in blocks(sections, Details) if "could not" in one.summary)  # type: ignore[attr-defined]
    assert "a & b.png" in gone.blocks[0].text  # type: ignore[attr-defined]


def test_a_perfect_model_and_a_set_without_labels() -> None:
    perfect = analyse([("a.png", truth((NUT, A)), found((NUT, 0.9, A)))], ["nut"])
    texts = [one.text for one in blocks(analysis_sections(perfect), Text)]  # type: ignore[attr-defined]
    assert texts[0] == "Nothing: at confidence 0.899 every box is right, and no object is missed."
    assert analysis_sections(analyse([("a.png", truth(), found())], ["nut"])) == []


def test_of_many_classes_the_worst_are_shown() -> None:
    images = random_images(3, images=40, class_count=80, most=20)
    sections = analysis_sections(msgspec.structs.replace(
        analyse(images, [f"class {i}" for i in range(80)]), worst=()
    ))  # fmt: skip
    texts = " ".join(one.text for one in blocks(sections, Text))  # type: ignore[attr-defined]
    assert "Shown are those with most errors: 20 of 80 classes" in texts
    folded = [one.summary for one in blocks(sections, Details)]  # type: ignore[attr-defined]
    assert "The best confidence for each class alone" in folded
    assert len(render_page(Page("t", "l", tuple(sections)))) < 1_000_000


def test_every_error_is_drawn_in_its_colour(analysis: Analysis) -> None:
    (worst,) = analysis.worst
    labelled, seen = (
        cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR)
        for one in draw_worst(worst, analysis.names)
    )
    assert labelled is not None
    assert seen is not None
    assert has_color(labelled, COLORS["missed"])
    assert not has_color(labelled, COLORS["right"]) or has_color(seen, COLORS["right"])
    kinds = {box.kind for box in worst.found}
    for kind in kinds:
        assert has_color(seen, COLORS[kind]), kind


def has_color(bgr: np.ndarray, color: tuple[int, int, int]) -> bool:
    away = np.abs(bgr.astype(int) - color).max(axis=2)
    return int((away < 30).sum()) > 50


def test_a_class_of_which_nothing_is_found_has_no_best_confidence() -> None:
    pair = ("a.png", truth((NUT, A), (BOLT, B)), found((BOLT, 0.9, B)))
    lost = analyse([pair], ["nut", "bolt"])
    tables = [one for one in blocks(analysis_sections(lost), Table) if isinstance(one, Table)]
    (table,) = [one for one in tables if "Best confidence" in one.columns]
    assert table.rows[0][:2] == ("nut", "-")
