"""``yolokit data check --report``: pages of real and of hostile data, opened in a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, Tab, open_chromium
from tests.conftest import run_yolokit

pytestmark = pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)

# What a name of a file may be on Linux: markup, quotes, control characters, text that runs from
# right to left, bytes that are not UTF-8.
NAMES = (
    b"<script>alert(1)<_script>.jpg",
    b"\"onerror='alert(2)'&amp;.jpg",
    b"bell\x07\x1b[31mred.jpg",
    "\u202egnp.jpg".encode(),
    b"caf\xe9.jpg",
)
ROWS = "0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n0 0.99 0.5 0.1 0.1\n7 0 0 1 1\n"


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with open_chromium() as opened:
        yield opened


def look_at(tab: Tab, page: Path) -> None:
    """Open a page at two widths, in both modes: nothing is loaded, refused or too wide."""
    for width_px in (1200, 360):
        for dark in (False, True):
            tab.open(page, width_px, dark=dark)
            assert tab.console == []
            assert tab.requested_urls() == [page.as_uri()]
            assert tab.evaluate("document.documentElement.scrollWidth") == width_px
            assert len(tab.photograph()) > 50_000


def test_bccd(bccd: Path, tab: Tab, tmp_path: Path) -> None:
    run_yolokit("data", "check", bccd, "--report", "bccd.html", cwd=tmp_path)
    page = tmp_path / "bccd.html"
    look_at(tab, page)
    assert tab.evaluate("document.querySelectorAll('img').length") > 6
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert page.stat().st_size < 2_000_000


def test_hostile_names(bccd: Path, tab: Tab, tmp_path: Path) -> None:
    source = sorted((bccd / "JPEGImages").iterdir())
    images, labels = (tmp_path / "set" / kind / "train" for kind in ("images", "labels"))
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    for name, image in zip(map(os.fsdecode, NAMES), source, strict=False):
        shutil.copy(image, images / name)
        (labels / name).with_suffix(".txt").write_text(ROWS)
    data = tmp_path / "set" / "data.yaml"
    data.write_text("train: images/train\nval: images/train\nnames: ['<b>cat</b>']\n")
    run_yolokit("data", "check", data, "--report", "set.html", cwd=tmp_path, code=3)
    page = tmp_path / "set.html"
    look_at(tab, page)
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert tab.evaluate("document.querySelectorAll('b, [onerror]').length") == 0
    assert "<b>cat</b>" in tab.evaluate("document.querySelector('main').textContent")


def test_what_cannot_be_written_is_named_as_it_was_given(squares: Path) -> None:
    page = "/proc/page.html"
    done = run_yolokit("data", "check", squares, "--report", page, cwd=squares.parent, code=1)
    assert done.stderr.splitlines()[-1].startswith("error: /proc/page.html: ")
