"""XML as light elements that know their lines; entities and references are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_DEPTH = 100
_MAX_BYTES = 1 << 30


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
        element: XmlElement | None = self
        for tag in tags:
            if element is None:
                return None
            element = next(element.all(tag), None)
        return element

    def text_of(self, *tags: str) -> str:
        """Return the stripped text of :meth:`find`, empty if there is no such element."""
        element = self.find(*tags)
        return element.text.strip() if element is not None else ""


def read_xml(path: Path) -> XmlElement:
    """Read an XML file.

    Raises:
        DataError: It cannot be read, is not well-formed, or declares entities; with the line.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError("the file is larger than 1 GiB", path=path)
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror}", path=path) from error
    return parse_xml(data, path)


def parse_xml(data: bytes, path: Path) -> XmlElement:
    """Parse the bytes of an XML file; ``path`` is for messages.

    Raises:
        DataError: They are not well-formed, or declare entities; with the line.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    target = _Target(path)
    parser = DefusedXMLParser(target=target)
    target.expat = parser.parser
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        line = error.position[0]
        raise DataError(f"this is no well-formed XML: {error}", path=path, line=line) from error
    except DefusedXmlException as error:
        raise DataError(
            "the XML declares entities or refers to other files, which is refused",
            path=path,
            line=target.line,
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        raise DataError(f"this is no readable XML: {error}", path=path) from error
    assert target.root is not None, "expat reports a document without an element"
    return target.root


class _Target:
    """Receives the parser's events and builds the elements."""

    def __init__(self, path: Path) -> None:
        self.root: XmlElement | None = None
        self.expat: object = None
        self._path = path
        self._open: list[XmlElement] = []

    @property
    def line(self) -> int:
        return int(getattr(self.expat, "CurrentLineNumber", 1))

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = XmlElement(tag, attributes, self.line)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        if len(self._open) > _MAX_DEPTH:
            raise DataError("the XML is nested too deep", path=self._path, line=self.line)

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text

    def end(self, _tag: str) -> None:
        self._open.pop()

    def close(self) -> None:
        """Nothing is left to do; the parser asks for this method."""
