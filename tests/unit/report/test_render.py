"""A page as one file of HTML."""

from __future__ import annotations

from yolokit.report.page import Page, Section, Text
from yolokit.report.render import render_page


def test_all_text_is_escaped() -> None:
    evil = "<script>alert('x')</script>"
    text = render_page(Page(evil, evil, (Section(evil, (Text(evil),)),), ((evil, evil),)))
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 7  # the title twice
