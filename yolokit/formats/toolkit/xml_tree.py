"""XML as light elements that know their lines; entities and references are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from yolokit.core.gc import collector_paused
from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element
    from xml.parsers.expat import XMLParserType

_MAX_DEPTH = 100
_UTF8_DECLARATION = re.compile(
    rb"(?:\xef\xbb\xbf)?<\?xml\s+version\s*=\s*[\"'][\d.]+[\"']"
    rb"(?:\s+encoding\s*=\s*[\"']utf-8[\"'])?(?:\s+standalone\s*=\s*[\"']\w+[\"'])?\s*\?>",
    re.IGNORECASE,
)
_Tree: TypeAlias = "tuple[Element, dict[Element, int]]"


class XmlElement:
    """An element: its tag, text, attributes, children, and the line it starts on.

    It is a view of an element that the C parser has built, made where one is looked at.
    """

    __slots__ = ("_element", "_lines")

    def __init__(self, element: Element, lines: Mapping[Element, int]) -> None:
        self._element = element
        self._lines = lines

    @property
    def tag(self) -> str:
        """The name, after its name space in braces."""
        return self._element.tag

    @property
    def attributes(self) -> dict[str, str]:
        """Values by name."""
        return self._element.attrib

    @property
    def line(self) -> int:
        """Of the start tag, from 1."""
        return self._lines[self._element]

    @property
    def text(self) -> str:
        """All text that is directly in it, before, between and after its children."""
        return _own_text(self._element)

    @property
    def children(self) -> list[XmlElement]:
        """The direct children."""
        return [XmlElement(child, self._lines) for child in self._element]

    def all(self, tag: str) -> Iterator[XmlElement]:
        """Yield the direct children with a tag."""
        return (XmlElement(child, self._lines) for child in self._element if child.tag == tag)

    def find(self, *tags: str) -> XmlElement | None:
        """Return the first direct child with the first tag, then its child with the next..."""
        found = self._find(tags)
        return None if found is None else XmlElement(found, self._lines)

    def text_of(self, *tags: str) -> str:
        """Return the stripped text of :meth:`find`, empty if there is no such element."""
        found = self._find(tags)
        return "" if found is None else _own_text(found).strip()

    def texts(self) -> dict[str, str]:
        """Return :meth:`text_of` of every direct child, by its tag."""
        return {child.tag: _own_text(child).strip() for child in reversed(self._element)}

    def _find(self, tags: Iterable[str]) -> Element | None:
        element = self._element
        for tag in tags:
            found = element.find(tag)
            if found is None:
                return None
            element = found
        return element


def _own_text(element: Element) -> str:
    text = element.text or ""
    return text + "".join([child.tail or "" for child in element]) if len(element) else text


def read_xml(path: Path) -> XmlElement:
    """Read an XML file.

    Raises:
        DataError: It cannot be read, is too large, is not well-formed, or declares entities; with
            the line.
    """
    try:
        data = read_bounded(path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    return parse_xml(data, path)


def parse_xml(data: bytes, path: Path) -> XmlElement:
    """Parse the bytes of an XML file; ``path`` is for messages.

    Raises:
        DataError: They are not well-formed, or declare entities; with the line.
    """
    with collector_paused():
        found = parse_plain(data) or parse_guarded(data, path)
    if data.count(b"</") >= _MAX_DEPTH or b"\0" in data:
        _check_depth(*found, path)
    return XmlElement(*found)


def parse_plain(data: bytes) -> _Tree | None:
    """Parse what nearly all files are: UTF-8 without declarations, comments, and name spaces.

    Without ``<!`` there is nothing that could declare an entity, so it needs no guard, and the
    parser that is C throughout does it in half the time. None where it is more than that, or is
    not well-formed.
    """
    from xml.etree.ElementTree import ParseError, XMLParser

    if b"<!" in data or b"\0" in data or b"xmlns" in data:
        return None
    instructions = data.count(b"<?")
    if instructions > 1 or (instructions and _UTF8_DECLARATION.match(data) is None):
        return None
    parser = XMLParser()  # noqa: S314 - nothing is declared in it
    try:
        parser.feed(data)
        root = parser.close()
    except ParseError:
        return None
    return root, _Lines(root, data)


def parse_guarded(data: bytes, path: Path) -> _Tree:
    """Parse any file, and refuse one that is hostile or broken.

    Raises:
        DataError: See :func:`parse_xml`.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    parser = DefusedXMLParser(target=_NoTarget())
    builder = _Builder(parser.parser)
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        line = error.position[0]
        raise DataError(f"this is not well-formed XML: {error}", path=path, line=line) from error
    except DefusedXmlException as error:
        raise DataError(
            "the XML declares entities or refers to other files, which is refused",
            path=path,
            line=parser.parser.CurrentLineNumber,
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        raise DataError(
            f"this XML cannot be read: {error}", path=path, hint="save it again as UTF-8"
        ) from error
    finally:
        builder.let_go()
    return builder.close()


def check_xml_names(names: Iterable[str]) -> None:
    """Refuse to write names that XML cannot hold, or would change in an attribute.

    Raises:
        DataError: A name holds a control character or half of a character.
    """
    for name in names:
        if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in name):
            raise DataError(f"XML cannot hold the class name {name!r}")


class _NoTarget:
    """Ignores what the parser has no handler for."""


class _Builder:
    """Builds the elements from events of expat, which refuses entities already.

    Text and ends go from one part in C to the other: the parser that stands between them handles
    each in Python, at several times the time.
    """

    def __init__(self, expat: XMLParserType) -> None:
        from xml.etree.ElementTree import TreeBuilder

        builder = TreeBuilder()
        lines: dict[Element, int] = {}
        begin = builder.start

        def start(tag: str, attributes: dict[str, str]) -> None:
            if "}" in tag:  # of a name space: expat leaves out the opening bracket
                tag = "{" + tag
            lines[begin(tag, attributes)] = expat.CurrentLineNumber

        expat.ordered_attributes = False  # as a dict, not as a list
        expat.buffer_text = True  # half as many calls
        expat.StartElementHandler = start
        expat.EndElementHandler = builder.end
        expat.CharacterDataHandler = builder.data
        self._expat = expat
        self._builder = builder
        self._lines = lines

    def let_go(self) -> None:
        """Drop the reference to expat: a cycle would keep all elements until the collector runs."""
        self._expat.StartElementHandler = None
        self._expat.EndElementHandler = None
        self._expat.CharacterDataHandler = None

    def close(self) -> _Tree:
        """Return the root and the line of each element; the document is well-formed."""
        return self._builder.close(), self._lines


class _Lines(dict["Element", int]):
    """The lines of a plain document's elements, counted when one of a tag is asked for.

    Where there are no declarations, comments and attributes of ``<``, which XML forbids, each
    ``<tag`` in the text is the start of an element, in the order of the document.
    """

    def __init__(self, root: Element, data: bytes) -> None:
        super().__init__()
        self._root = root
        self._data = data

    def __missing__(self, element: Element) -> int:
        if b"\r" in self._data:
            self._data = self._data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        tag = re.escape(element.tag.encode())
        end, line = 0, 1
        starts = re.finditer(rb"<%s(?=[\s/>])" % tag, self._data)
        for one, match in zip(self._root.iter(element.tag), starts, strict=True):
            start = match.start()
            line += self._data.count(b"\n", end, start)
            end = start
            self[one] = line
        return self[element]


def _check_depth(root: Element, lines: Mapping[Element, int], path: Path) -> None:
    level, depth = [root], 1
    while level := [child for element in level for child in element]:
        depth += 1
        if depth > _MAX_DEPTH:
            raise DataError("the XML is nested too deep", path=path, line=lines[level[0]])
