"""Text of data becomes markup that is text and nothing else."""

from __future__ import annotations

import os

import pytest

from yolokit.report.markup import element, escape


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("<script>", "&lt;script&gt;"),
        ("a & b", "a &amp; b"),
        ("\"quoted\" 'twice'", "&quot;quoted&quot; &#x27;twice&#x27;"),
        ("bell\x07\x1b[31m", "bell\\x07\\x1b[31m"),
        ("line\nand\ttab", "line\nand\ttab"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("\ufffe", "\\ufffe"),
        ("Ørsted 猫 🐈", "Ørsted 猫 🐈"),
    ],
)
def test_escape(text: str, markup: str) -> None:
    assert escape(text) == markup


def test_a_file_name_that_is_not_utf8_is_shown() -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    assert escape(name) == "caf\\udce9.jpg"
    assert escape(name).encode("utf-8")


def test_elements_have_escaped_attributes() -> None:
    made = element("a", "<b>", class_="x", aria_label='"><script>', hidden=True, title=None)
    assert made == '<a class="x" aria-label="&quot;&gt;&lt;script&gt;" hidden><b></a>'


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.126, "0.13"), (-2.5, "-2.5"), (100.0, "100"), (7, "7")]
)
def test_coordinates_are_short(value: float, text: str) -> None:
    assert element("rect", x=value) == f'<rect x="{text}"></rect>'
