"""The labelling configuration of a Label Studio project: its classes and keypoints, in order."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from yolokit.formats.toolkit.xml_tree import read_xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from yolokit.formats.toolkit.xml_tree import XmlElement

_LOOKED_AT = 20
_HEAD_BYTES = 256


class LabelConfig(NamedTuple):
    """What a configuration lists.

    Attributes:
        file_name: The file that has it, or empty.
        classes: The labels of controls that draw areas.
        keypoints: The labels of keypoints, by their ``model_index`` where they have one.
    """

    file_name: str = ""
    classes: tuple[str, ...] = ()
    keypoints: tuple[str, ...] = ()


def find_label_config(files: Iterable[Path]) -> LabelConfig:
    """Read the configuration that is among some XML files, an empty one if there is none.

    Raises:
        DataError: There is one, and it is not well-formed XML.
    """
    for file in islice(files, _LOOKED_AT):
        try:
            with file.open("rb") as stream:
                head = stream.read(_HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
        except OSError:
            continue
        if head.startswith((b"<View>", b"<View ")):
            return _read_config(read_xml(file), file.name)
    return LabelConfig()


def _read_config(root: XmlElement, file_name: str) -> LabelConfig:
    classes: dict[str, None] = {}
    keypoints: dict[str, float] = {}
    for control in _walk(root):
        tag = control.tag.lower()
        if not tag.endswith("labels"):
            continue
        for label in _walk(control):
            value = label.attributes.get("value", "").strip()
            if label.tag != "Label" or not value:
                continue
            if tag == "keypointlabels":
                index = label.attributes.get("model_index", "")
                order = float(index) if index.isdecimal() else float("inf")
                keypoints.setdefault(value, order)
            else:
                classes.setdefault(value)
    ordered = sorted(keypoints, key=lambda name: keypoints[name])
    return LabelConfig(file_name, tuple(classes), tuple(ordered))


def _walk(element: XmlElement) -> Iterator[XmlElement]:
    for child in element.children:
        yield child
        yield from _walk(child)
