"""What is shown becomes a page that loads nothing, or one picture; never half, never by mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from yolokit.errors import OutputExistsError
from yolokit.images.draw import class_color
from yolokit.jobs.show.config import ShowConfig
from yolokit.jobs.show.look import Look, View
from yolokit.jobs.show.output import write_look
from yolokit.report.page import Page
from yolokit.report.render import render_page

EVIL = "<script>alert(1)</script>"


def make_look(count: int = 3, name: str = "cat") -> Look:
    views = tuple(
        View(
            drawn=np.full((90, 120, 3), 40 * index, np.uint8),
            name=f"{index}.jpg",
            split="train",
            labels={name: index} if index else {},
            note="a check says this" if index == 1 else "",
        )
        for index in range(count)
    )
    return Look(
        title=f"Labels of {name}",
        lead="All images.",
        names=("dog", name),
        views=views,
        format="yolo",
        task="detect",
        images=count,
        counts=(("dog", 0, 0), (name, 2, 3)),
        left_out=("x.jpg: the file is empty",),
    )


def write(path: Path, look: Look | None = None, **options: Any) -> Path:
    config = ShowConfig.build({"source": "d", "out": path, **options})
    return write_look(look or make_look(), config)


def test_a_page_holds_its_pictures_and_what_is_known_of_them(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html").read_text("utf-8")
    assert text.count("<img ") == 3
    assert text.count("data:image/jpeg;base64,") == 3
    for said in (
        "train: 1.jpg", "1 label: 1 cat", "background: no labels", "a check says this",
        "x.jpg: the file is empty", 'alt="2.jpg with 2 labels: 2 cat"',
    ):  # fmt: skip
        assert said in text
    blue, green, red = class_color(1)
    assert f"rgb({red}, {green}, {blue})" in text
    assert not re.search(r"https?://", text)


def test_names_of_the_data_are_only_text(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", make_look(name=EVIL)).read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "Bild-ä.JPEG"])
def test_a_picture_has_all_pictures_on_one_sheet(tmp_path: Path, name: str) -> None:
    content = np.fromfile(write(tmp_path / name), np.uint8)
    sheet = cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert sheet is not None
    columns = sheet[:, [200, 608, 1016]]
    for index in range(3):
        assert (np.abs(columns[:, index].astype(int) - 40 * index).max(axis=1) < 6).sum() > 250
    legend = (np.abs(sheet[:80].astype(int) - class_color(1)).max(axis=2) < 30).any()
    assert legend, "the class has its colour in the head"


def test_it_goes_to_a_fresh_folder_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = ShowConfig.build({"source": "export.v2.zip"})
    first, second = (write_look(make_look(), config) for _ in range(2))
    assert first.as_posix() == "runs/show/export/sheet.html"
    assert second.as_posix() == "runs/show/export-2/sheet.html"
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", ["x.html", "x.png", "x.jpg"])
def test_only_an_earlier_result_is_replaced_and_only_if_asked(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    before = path.read_bytes()
    with pytest.raises(OutputExistsError, match="already exists"):
        write(path)
    assert path.read_bytes() == before
    write(path, make_look(2), overwrite=True)
    assert path.read_bytes() != before
    path.write_bytes(before.replace(b"yolokit", b"somebody"))
    with pytest.raises(OutputExistsError, match="not an earlier result of `yolokit data show`"):
        write(path, overwrite=True)


def test_a_page_of_another_command_is_not_replaced(tmp_path: Path) -> None:
    other = Page("Check", "See `yolokit data show`.", (), made_by="yolokit data check 0.1.0")
    page = tmp_path / "x.html"
    page.write_text(render_page(other), "utf-8")
    with pytest.raises(OutputExistsError, match="not an earlier result of `yolokit data show`"):
        write(page, overwrite=True)


def test_a_sheet_of_no_labels_has_no_legend(tmp_path: Path) -> None:
    text = write(tmp_path / "x.html", make_look(1)).read_text("utf-8")
    assert 'class="legend"' not in text
