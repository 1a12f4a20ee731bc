"""XML as light elements that know their lines; entities and references are refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.parsers.expat import XMLParserType

from yolokit.core.gc import collector_paused
from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded

_MAX_DEPTH = 100


class XmlElement:
    """An element: its tag, text, attributes, children, and the line it starts on."""

    __slots__ = ("attributes", "children", "line", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.line = line
        self.text = ""
        self.children: list[XmlElement] = []

    def all(self, tag: str) -> Iterator[XmlElement]:
        """Yield the direct children with a tag."""
        return (child for child in self.children if child.tag == tag)

    def find(self, *tags: str) -> XmlElement | None:
        """Return the first direct child with the first tag, then its child with the next..."""
        element = self
        for tag in tags:
            for child in element.children:
                if child.tag == tag:
                    element = child
                    break
            else:
                return None
        return element

    def text_of(self, *tags: str) -> str:
        """Return the stripped text of :meth:`find`, empty if there is no such element."""
        element = self.find(*tags)
        return element.text.strip() if element is not None else ""


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
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    parser = DefusedXMLParser(target=_NoTarget())
    builder = _Builder(parser.parser, path)
    try:
        with collector_paused():
            parser.feed(data)
            parser.close()
    except ParseError as error:
        line = error.position[0]
        raise DataError(f"this is not well-formed XML: {error}", path=path, line=line) from error
    except DefusedXmlException as error:
        raise DataError(
            "the XML declares entities or refers to other files, which is refused",
            path=path,
            line=builder.line,
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        raise DataError(
            f"this XML cannot be read: {error}", path=path, hint="save it again as UTF-8"
        ) from error
    finally:
        builder.let_go()
    return builder.root


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

    It takes them itself: the parser in between handles each in Python, at twice the time.
    """

    def __init__(self, expat: XMLParserType, path: Path) -> None:
        self._expat = expat
        self._path = path
        self._open = [XmlElement("", {}, 1)]  # the document
        expat.ordered_attributes = False  # as a dict, not as a list
        expat.buffer_text = True  # half as many calls
        expat.StartElementHandler = self._start
        expat.EndElementHandler = self._end
        expat.CharacterDataHandler = self._add_text

    @property
    def line(self) -> int:
        return self._expat.CurrentLineNumber

    @property
    def root(self) -> XmlElement:
        return self._open[0].children[0]  # expat refuses a document without an element

    def let_go(self) -> None:
        """Drop the reference to expat: a cycle would keep all elements until the collector runs."""
        self._expat.StartElementHandler = None
        self._expat.EndElementHandler = None
        self._expat.CharacterDataHandler = None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if "}" in tag:  # of a name space: expat leaves out the opening bracket
            tag = "{" + tag
        element = XmlElement(tag, attributes, self._expat.CurrentLineNumber)
        opened = self._open
        opened[-1].children.append(element)
        opened.append(element)
        if len(opened) > _MAX_DEPTH + 1:
            raise DataError("the XML is nested too deep", path=self._path, line=self.line)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _add_text(self, text: str) -> None:
        self._open[-1].text += text
