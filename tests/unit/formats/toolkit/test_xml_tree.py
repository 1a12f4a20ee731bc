"""XML elements with their lines; what is hostile is refused; nothing outlives its file."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from yolokit.errors import DataError
from yolokit.formats.toolkit import xml_tree
from yolokit.formats.toolkit.xml_tree import XmlElement, check_xml_names, parse_xml

_PATH = Path("a.xml")


class _Element(XmlElement):
    """One that can be watched."""

    __slots__ = ("__weakref__",)


def test_elements_have_text_attributes_children_and_lines() -> None:
    root = parse_xml(b'<a x="1">\n <b>t<!-- c -->u</b>\n <c/><b>v</b></a>', _PATH)
    assert (root.tag, root.attributes, root.line) == ("a", {"x": "1"}, 1)
    assert [(child.tag, child.text, child.line) for child in root.children] == [
        ("b", "tu", 2),
        ("c", "", 3),
        ("b", "v", 3),
    ]
    assert root.text_of("b") == "tu"
    assert root.find("b", "c") is None


def test_a_name_space_stands_before_the_tag() -> None:
    assert parse_xml(b'<a xmlns="http://n"/>', _PATH).tag == "{http://n}a"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'<!DOCTYPE a [\n<!ENTITY b "c">]><a>&b;</a>', 2),
        (b'<!DOCTYPE a [\n<!ENTITY b SYSTEM "file:///c">]><a>&b;</a>', 2),
    ],
)
def test_entities_are_refused_with_their_line(text: bytes, line: int) -> None:
    with pytest.raises(DataError, match="declares entities") as caught:
        parse_xml(text, _PATH)
    assert caught.value.line == line


@pytest.mark.parametrize("text", [b"", b"<a>", b"<a>&b;</a>", b"<a/><b/>"])
def test_what_is_not_well_formed_is_refused(text: bytes) -> None:
    with pytest.raises(DataError, match="not well-formed XML"):
        parse_xml(text, _PATH)


def test_elements_go_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_tree, "XmlElement", _Element)
    gc.disable()
    try:
        watched = weakref.ref(parse_xml(b"<a><b/></a>", _PATH))
        assert watched() is None
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_encoding_that_cannot_be_read_says_what_to_do() -> None:
    text = '<?xml version="1.0" encoding="GB2312"?><a>猫</a>'
    with pytest.raises(DataError, match="this XML cannot be read") as caught:
        parse_xml(text.encode("gb2312"), _PATH)
    assert caught.value.hint == "save it again as UTF-8"


def test_names_that_xml_cannot_hold_are_refused() -> None:
    check_xml_names(["a", "<b & c>", "\u00e4"])
    for name in ("a\x01", "a\nb", "\ud800"):
        with pytest.raises(DataError, match="XML cannot hold the class name"):
            check_xml_names(["a", name])
