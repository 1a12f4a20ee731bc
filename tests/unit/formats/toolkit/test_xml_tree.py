"""XML elements with their lines; what is hostile is refused; nothing outlives its file."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.errors import DataError
from yolokit.formats.toolkit import xml_tree
from yolokit.formats.toolkit.xml_tree import (
    XmlElement,
    check_xml_names,
    parse_guarded,
    parse_plain,
    parse_xml,
)

_PATH = Path("a.xml")


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


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "0"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY % b SYSTEM "http://127.0.0.1/x"> %b;',
        '<!ENTITY b PUBLIC "p" "file:///etc/passwd">',
        '<!NOTATION gif SYSTEM "g"><!ENTITY b SYSTEM "b.gif" NDATA gif>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_hostile_declarations_are_refused_in_any_encoding(declared: str, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [{declared}]><a>1</a>'
    with pytest.raises(DataError, match="declares entities"):
        parse_xml(text.encode(encoding), _PATH)


def test_what_stands_elsewhere_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "a.dtd").write_text('<!ENTITY b "secret">', encoding="utf-8")
    place = (tmp_path / "a.dtd").as_uri()
    root = parse_xml(f'<!DOCTYPE a SYSTEM "{place}"><a>&b;</a>'.encode(), _PATH)
    assert root.text == ""


def test_the_text_of_an_element_is_all_that_is_directly_in_it() -> None:
    root = parse_xml(b"<a>x<b>y</b>z<![CDATA[<c>]]><?p q?>&lt;</a>", _PATH)
    assert root.text == "xz<c><"
    assert root.texts() == {"b": "y"}


def test_of_children_of_one_tag_the_first_counts() -> None:
    root = parse_xml(b"<a><b> 1 </b><b>2</b><c/></a>", _PATH)
    assert root.texts() == {"b": "1", "c": ""}
    assert (root.text_of("b"), root.text_of("c"), root.text_of("d")) == ("1", "", "")


def test_lines_end_in_any_way() -> None:
    root = parse_xml(b"<a>\r\n<b/>\r<b/>\n<b/></a>", _PATH)
    assert [child.line for child in root.children] == [2, 3, 4]


def test_what_is_nested_too_deep_is_refused_with_its_line() -> None:
    parse_xml(b"<a>\n" * 100 + b"</a>" * 100, _PATH)
    with pytest.raises(DataError, match="nested too deep") as caught:
        parse_xml(b"<a>\n" * 100_000 + b"</a>" * 100_000, _PATH)
    assert caught.value.line == 101


_TEXTS = st.text("ab \n\r\t&;<é猫", max_size=6).map(escape)
_TAGS = st.sampled_from(["a", "ab", "b", "b-c", "é", "a.b"])
_ATTRIBUTES = st.lists(st.sampled_from(["a", "b"]), unique=True)


def _documents() -> st.SearchStrategy[str]:
    """Elements of few names, nested, with text and attributes in between, one a line or not."""

    def join(tag: str, names: list[str], space: str, parts: list[str]) -> str:
        attributes = "".join(f"{space}{name}='<b>&#10;'" for name in names).replace("<", "&lt;")
        inside = "".join(parts)
        return (
            f"<{tag}{attributes}{space}/>" if not inside else f"<{tag}{attributes}>{inside}</{tag}>"
        )

    spaces = st.sampled_from([" ", "\n", "\r\n", "\r"])
    leaves = st.builds(join, _TAGS, _ATTRIBUTES, spaces, st.lists(_TEXTS, max_size=1))
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            join, _TAGS, _ATTRIBUTES, spaces, st.lists(inner | _TEXTS, max_size=4)
        ),
        max_leaves=12,
    )


_HEADS = [
    "", "\n", "\ufeff", '<?xml version="1.0"?>', '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n',
    "<?xml version = '1.1' encoding='utf-8' standalone='yes' ?>\r\n",
]  # fmt: skip


@given(_documents(), st.sampled_from(_HEADS))
def test_what_needs_no_guard_is_read_as_with_one(document: str, head: str) -> None:
    data = (head + document).encode()
    plain, guarded = parse_plain(data), parse_guarded(data, _PATH)
    assert plain is not None
    elements = list(zip(plain[0].iter(), guarded[0].iter(), strict=True))
    for one, other in elements:
        assert (one.tag, one.text, one.tail, one.attrib) == (
            other.tag, other.text, other.tail, other.attrib
        )  # fmt: skip
        assert plain[1][one] == guarded[1][other]


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a><a/>",
        "<a><!-- <a/> --></a>",
        "<a><![CDATA[<a/>]]></a>",
        "<a><?p <a/> ?></a>",
        "<?p <a/> ?><a/>",
        "\n<?p <a/> ?><a/>",
        "<?xml-p <a/> ?><a/>",
        "<a xmlns='n'/>",
        "<?xml version='1.0' encoding='latin-1'?><a/>",
        "<a>",
        "<a>&b;</a>",
    ],
)
def test_what_is_more_than_plain_goes_the_guarded_way(text: str) -> None:
    assert parse_plain(text.encode()) is None
    assert parse_plain("<a/>".encode("utf-16")) is None


def test_elements_go_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Element]] = []

    class Watched(XmlElement):
        def __init__(self, element: Element, lines: Mapping[Element, int]) -> None:
            super().__init__(element, lines)
            made.append(weakref.ref(element))

    monkeypatch.setattr(xml_tree, "XmlElement", Watched)
    gc.disable()
    try:
        parse_xml(b"<a><b/></a>", _PATH)
        assert [element() for element in made] == [None]
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
