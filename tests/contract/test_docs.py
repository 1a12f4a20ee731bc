"""The pages of ``docs/``: short, current, linked, and naming only what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.test_hints import find_wrong_options
from tests.docs.blocks import DOCS, ROOT, list_pages
from tests.docs.generated import is_current, list_ledger_codes, make_pages
from tests.docs.ledger_words import CODES
from tests.docs.pictures import MAX_BYTES

PAGES = [ROOT / "README.md", *list_pages()]
GENERATED = make_pages()
MAX_LINES = 120  # one screen or two
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Return what a link may follow ``#`` with, as the usual viewers make it of headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_that_a_page_names_exist(page: Path) -> None:
    wrong = [
        problem
        for line in page.read_text("utf-8").splitlines()
        if "yolokit " in line
        for problem in find_wrong_options(line, [])
    ]
    assert wrong == []


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: page.name)
def test_a_page_is_short(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert page in GENERATED or len(lines) <= MAX_LINES
    assert lines[0].startswith("# ") or lines[0].startswith("<!-- tests")


def test_every_page_is_in_the_index() -> None:
    named = set(LINK.findall((DOCS / "README.md").read_text("utf-8")))
    assert {page.name for page in list_pages()} - {"README.md"} <= named


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_what_follows_from_the_code_is_current(page: Path) -> None:
    assert is_current(page, GENERATED[page]), "`python -m tests.docs` writes it anew"


def test_every_code_of_the_ledger_is_explained() -> None:
    assert set(list_ledger_codes()) == set(CODES)
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "yolokit").rglob("*.py"))
    assert [code for code in CODES if code not in source] == []


def test_pictures_are_small_and_used() -> None:
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size <= MAX_BYTES, picture.name
        assert f"images/{picture.name}" in text, picture.name
