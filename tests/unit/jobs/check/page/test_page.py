"""The page of a check: the answer first, every finding with its place and picture."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolokit.errors import ConfigError, OutputExistsError
from yolokit.jobs.check.config import CheckConfig
from yolokit.jobs.check.job import check_data
from yolokit.jobs.check.page import write
from yolokit.jobs.check.page.findings import _within
from yolokit.jobs.check.page.page import make_page
from yolokit.report.page import (
    Block,
    Chart,
    Commands,
    Details,
    Gallery,
    Page,
    Part,
    Picture,
    Table,
    Text,
    Verdict,
)

ROW = "0 0.5 0.5 0.25 0.25\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A YOLO set of twelve different pictures in two splits, with nothing wrong in it."""
    root = tmp_path / "set"
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for number in range(count):
            coarse = rng.integers(0, 255, (6, 8, 3), np.uint8)
            image = cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC)
            place = root / "images" / split / f"{split}{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(place), image)
            labels = root / "labels" / split / f"{split}{number}.txt"
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text(ROW + "1 0.2 0.2 0.1 0.2\n" if number else "")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")
    return root


@pytest.fixture
def page_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Page]:
    """Check a source, and return its page before it is rendered."""
    pages: list[Page] = []

    def keep(*args: object) -> Page:
        pages.append(make_page(*args))  # type: ignore[arg-type]
        return pages[-1]

    monkeypatch.setattr(write, "make_page", keep)

    def make(source: Path, **options: object) -> Page:
        report = tmp_path / f"{len(pages)}.html"
        check_data(CheckConfig.build({"source": source, "report": report, **options}))
        assert report.is_file()
        return pages[-1]

    return make


def walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Part | Details):
            yield from walk(block.blocks)


def titles(page: Page) -> list[str]:
    return [section.title for section in page.sections]


def blocks_of(page: Page, title: str) -> list[Block]:
    return [b for section in page.sections if section.title == title for b in walk(section.blocks)]


def verdict_of(page: Page) -> Verdict:
    found = page.sections[0].blocks[0]
    assert isinstance(found, Verdict)
    return found


def pictures_in(blocks: list[Block]) -> list[Picture]:
    galleries = [block for block in blocks if isinstance(block, Gallery)]
    return [picture for gallery in galleries for picture in gallery.pictures]


def commands_of(page: Page) -> list[str]:
    (found,) = blocks_of(page, "What to do next")
    assert isinstance(found, Commands)
    return [command for command, _ in found.commands]


def test_a_sound_set(folder: Path, page_of: Callable[..., Page]) -> None:
    page = page_of(folder)
    assert page.title == "Check of set"
    assert page.sections[0].title == "Can it be trained on?"
    assert verdict_of(page).mood == "good"
    assert "Errors" not in titles(page)
    assert "Pictures that are alike" not in titles(page)
    assert commands_of(page)[0].startswith("yolokit train --data ")
    examples = pictures_in(blocks_of(page, "Examples of its labels"))
    assert len(examples) == 6
    assert examples[0].alt.endswith(".png with 1 cat, 1 dog")


def test_what_the_set_holds(folder: Path, page_of: Callable[..., Page]) -> None:
    page = page_of(folder, imgsz=64)
    _, _, splits = page.sections[0].blocks
    assert isinstance(splits, Table)
    assert splits.rows == (
        ("train", "8", "67%", "1", "14", "2"),
        ("val", "4", "33%", "1", "6", "2"),
    )
    classes = [block for block in blocks_of(page, "Classes") if isinstance(block, Table)]
    assert classes[0].rows == (("cat", "7", "50%", "3", "50%"), ("dog", "7", "50%", "3", "50%"))
    charts = [block for block in blocks_of(page, "Sizes") if isinstance(block, Chart)]
    assert charts[0].summary == "20 boxes; most (10) at 4 to 8. 10 (50%) below 8 px."
    together = next(b for b in blocks_of(page, "What occurs together") if isinstance(b, Chart))
    assert "cat with dog: 10 (100%)" in together.summary


def test_each_finding_has_its_place_and_a_picture(
    folder: Path, page_of: Callable[..., Page]
) -> None:
    labels = folder / "labels" / "train" / "train1.txt"
    labels.write_text(ROW + "0 0.501 0.5 0.25 0.25\n")
    (folder / "labels" / "train" / "train2.txt").write_text("0 1.5 0.5 0.2 0.2\n")
    page = page_of(folder)
    verdict = verdict_of(page)
    assert verdict.mood == "bad"
    assert verdict.next[0].startswith("Boxes outside their image: ")
    assert commands_of(page)[0] == f"yolokit data check {folder}"
    errors = blocks_of(page, "Errors")
    assert any(isinstance(b, Part) and "`outside-image`" in b.note for b in errors)
    warned = blocks_of(page, "Warnings")
    tables = [block for block in warned if isinstance(block, Table)]
    assert tables[0].rows[0][:2] == ("labels/train/train1.txt", "2")
    assert pictures_in(warned)[0].caption == "train1.png, line 2"


def test_what_helps_against_several_things_is_said_once(
    folder: Path, page_of: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    from yolokit.datasets.checks.rows import doubled_boxes, tiny_boxes

    monkeypatch.setattr(tiny_boxes, "HINT", doubled_boxes.HINT)
    row = ROW + "0 0.501 0.5 0.25 0.25\n0 0.1 0.1 0.001 0.001\n"
    (folder / "labels" / "train" / "train1.txt").write_text(row)
    page = page_of(folder)
    parts = [block for block in blocks_of(page, "Warnings") if isinstance(block, Part)]
    assert len(parts) == 2
    (step,) = (step for step in verdict_of(page).next if doubled_boxes.HINT in step)
    titles = f"{doubled_boxes.TITLE}; {tiny_boxes.TITLE}: "
    assert step.startswith(titles[:1].upper() + titles[1:])


def test_many_findings_are_folded(folder: Path, page_of: Callable[..., Page]) -> None:
    rows = "".join(f"0 {x / 20:.2f} 0.5 0.001 0.001\n" for x in range(1, 20))
    (folder / "labels" / "train" / "train1.txt").write_text(rows)
    warned = blocks_of(page_of(folder), "Warnings")
    (folded,) = [block for block in warned if isinstance(block, Details)]
    assert folded.summary == "14 more findings"
    assert len(pictures_in(warned)) == 1, "each image is shown once"


def test_what_is_allowed_is_no_longer_alarming(folder: Path, page_of: Callable[..., Page]) -> None:
    shutil.copy(folder / "images/train/train3.png", folder / "images/val/copy.png")
    shutil.copy(folder / "labels/train/train3.txt", folder / "labels/val/copy.txt")
    assert verdict_of(page_of(folder)).mood == "bad"
    page = page_of(folder, allow=["leaking-images"])
    assert verdict_of(page).mood != "bad"
    (leak,) = [block for block in blocks_of(page, "Doubts") if isinstance(block, Part)]
    assert leak.mood == "neutral"
    assert "allowed" in leak.note


def test_alike_pictures_lie_side_by_side(folder: Path, page_of: Callable[..., Page]) -> None:
    shutil.copy(folder / "images/train/train3.png", folder / "images/val/copy.png")
    shutil.copy(folder / "labels/train/train3.txt", folder / "labels/val/copy.txt")
    alike = blocks_of(page_of(folder), "Pictures that are alike")
    assert isinstance(alike[0], Text)
    assert alike[0].text.startswith("2 images in 1 group show nearly the same. 1 group lies in")
    captions = [picture.caption.split(": ")[0] for picture in pictures_in(alike)]
    assert captions == ["train", "val"]


def test_labels_alone_have_a_page_without_pictures(
    folder: Path, page_of: Callable[..., Page]
) -> None:
    page = page_of(folder, labels_only=True)
    assert not any(pictures_in(blocks_of(page, title)) for title in titles(page))
    assert ("looked at", "labels alone") in page.facts


def test_a_source_of_another_format_in_an_archive(
    folder: Path, page_of: Callable[..., Page], tmp_path: Path
) -> None:
    from tests.conftest import run_yolokit

    run_yolokit("data", "convert", folder, "--to", "coco", "--out", tmp_path / "coco", cwd=tmp_path)
    source = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "coco"))
    page = page_of(source)
    assert page.title == "Check of zipped.zip"
    assert page.sections[0].title == "Can it be converted?"
    assert len(pictures_in(blocks_of(page, "Examples of its labels"))) == 6
    assert commands_of(page)[0] == f"yolokit data convert {source} --out datasets/zipped"
    assert "yolokit-check-" not in str(page), "where it was unpacked is no longer there"


def test_only_an_earlier_page_is_replaced(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    config = CheckConfig.build({"source": folder, "report": page})
    check_data(config)
    with pytest.raises(OutputExistsError, match="already exists"):
        check_data(config)
    again = CheckConfig.build({"source": folder, "report": page, "overwrite": True})
    check_data(again)
    page.write_text("<!doctype html><title>mine</title>")
    with pytest.raises(OutputExistsError, match="cannot be replaced"):
        check_data(again)
    assert page.read_text() == "<!doctype html><title>mine</title>"


def test_a_page_is_html(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.html"):
        CheckConfig.build({"source": folder, "report": "page.pdf"})


@pytest.mark.parametrize("root", ["set", "."])
def test_a_message_names_files_from_the_set_on(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = tmp_path / root
    message = f"such as {here}/images/a.jpg and {here}/set/b.jpg"
    assert _within(message, Path(root)) == "such as images/a.jpg and set/b.jpg"
