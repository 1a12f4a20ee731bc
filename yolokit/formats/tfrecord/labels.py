"""Names of the classes in TFRecord files: of label maps beside them, or in the records.

Source: ``object_detection/protos/string_int_label_map.proto``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from yolokit.core.plural import counted
from yolokit.errors import DataError

_MAX_LABEL_MAP_BYTES = 16 << 20
_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<token>[{}<>:,;\[\]]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[\w.+\-/]+)"""
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_ITEM = re.compile(r"^\s*item\s*:?\s*[{<]", re.MULTILINE)


class _MapItem(NamedTuple):
    """One class of a label map."""

    name: str
    display_name: str

    @property
    def shown(self) -> str:
        """The name for people where the other is a machine id, as in the maps of COCO and OID."""
        return self.display_name if self.name.startswith("/") or not self.name else self.name


class ClassNames:
    """The label map that counts for a file, and how often records agree with it."""

    def __init__(self, items: dict[int, _MapItem]) -> None:
        self._items = items
        self.by_map = self.by_text = self.by_id = self.differs = 0

    def name(self, class_id: int | None, text: str) -> str | None:
        """Return the name of a box's class, None where nothing names it."""
        item = self._items.get(class_id) if class_id is not None else None
        if item is not None:
            self.by_map += 1
            self.differs += bool(text) and text not in item
            return item.shown
        if text:
            self.by_text += 1
            return text
        if class_id is None or self._items:
            return None
        self.by_id += 1
        return str(class_id)


class Labels:
    """Finds the label map of each file: in its folder, else in the one above, up to the source.

    Args:
        files: The record files.
        root: The folder in which they are looked for.

    Raises:
        DataError: A label map is broken, or two in one folder disagree.
    """

    def __init__(self, files: Sequence[Path], root: Path) -> None:
        self._maps: dict[Path, dict[int, _MapItem]] = {}
        self._sources: list[str] = []
        self._names: dict[Path, ClassNames] = {}
        for folder in dict.fromkeys(file.parent for file in files):
            above = [place for place in folder.parents if place == root or root in place.parents]
            maps = (self._map_of(place) for place in (folder, *above))
            self._names[folder] = ClassNames(next(filter(None, maps), {}))

    def of(self, file: Path) -> ClassNames:
        """Return the names that count for a file."""
        return self._names[file.parent]

    @property
    def names(self) -> list[str]:
        """The classes of all label maps, in the order of their ids."""
        items = [item for one in self._maps.values() for item in sorted(one.items())]
        return [item.shown for _, item in sorted(items, key=lambda item: item[0])]

    def evidence(self) -> Iterator[str]:
        """Say what named the classes, one sentence each."""
        counts = list(self._names.values())
        by_map = sum(one.by_map for one in counts)
        if by_map:
            boxes = counted(by_map, "box", "boxes")
            yield f"{', '.join(self._sources)} named the classes of {boxes} by their ids"
        if any(one.by_text for one in counts):
            boxes = counted(sum(one.by_text for one in counts), "box", "boxes")
            yield f"image/object/class/text named the classes of {boxes}"
        if any(one.by_id for one in counts):
            boxes = counted(sum(one.by_id for one in counts), "box has", "boxes have")
            yield f"{boxes} class ids and no names: the ids are taken as names"
        differs = sum(one.differs for one in counts)
        if differs:
            boxes = counted(differs, "box has", "boxes have")
            yield f"{boxes} another name in the record; the label map's was taken"

    def _map_of(self, folder: Path) -> dict[int, _MapItem]:
        if folder not in self._maps:
            self._maps[folder] = self._read_maps(folder)
        return self._maps[folder]

    def _read_maps(self, folder: Path) -> dict[int, _MapItem]:
        items: dict[int, _MapItem] = {}
        for path in filter(Path.is_file, sorted(folder.glob("*.pbtxt"))):
            for class_id, item in (_read_label_map(path) or {}).items():
                if items.setdefault(class_id, item) != item:
                    raise DataError(
                        f"id {class_id} is {item.shown!r} here and {items[class_id].shown!r} in "
                        "another label map of this folder",
                        path=path,
                        hint="keep only the one that belongs to the records",
                    )
            if items and path.name not in self._sources:
                self._sources.append(path.name)
        return items


def _read_label_map(path: Path) -> dict[int, _MapItem] | None:
    """Read a label map, id to class; None where the file is something else."""
    try:
        if path.stat().st_size > _MAX_LABEL_MAP_BYTES:
            return None
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", path=path) from error
    if _ITEM.search(text) is None:
        return None
    items: dict[int, _MapItem] = {}
    for fields, line in _iter_items(text, path):
        try:
            class_id = int(fields["id"])
        except (KeyError, ValueError) as error:
            raise DataError("an item of the label map has no id", path=path, line=line) from error
        item = _MapItem(fields.get("name", ""), fields.get("display_name", ""))
        if not item.shown:
            raise DataError(f"the item with id {class_id} has no name", path=path, line=line)
        if items.setdefault(class_id, item) != item:
            raise DataError(f"two items have the id {class_id}", path=path, line=line)
    return items


def _iter_items(text: str, path: Path) -> Iterator[tuple[dict[str, str], int]]:
    """Yield each item's own fields, those of messages inside it left out, with its line."""
    depth, line, key = 0, 1, ""
    fields: dict[str, str] = {}
    for word, at in _tokens(text, path):
        if word in ("{", "<"):
            depth += 1
            if depth == 1:
                fields, line = {}, at
        elif word in ("}", ">"):
            depth -= 1
            if depth == 0:
                yield fields, line
        elif depth == 1 and word == ":":
            fields[key] = ""
        elif depth == 1 and fields.get(key) == "" and word not in ",;[]":
            fields[key], key = _unquote(word), ""
        else:
            key = word
    if depth:
        raise DataError("the label map ends within an item", path=path, line=line)


def _tokens(text: str, path: Path) -> Iterator[tuple[str, int]]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            message = f"the label map has an unexpected character: {text[at : at + 20]!r}"
            raise DataError(message, path=path, line=line)
        if found["token"] is not None:
            yield found["token"], line
        line += found[0].count("\n")
        at = found.end()


def _unquote(token: str) -> str:
    if token[0] not in "\"'":
        return token
    raw = _ESCAPE.sub(_unescape, token[1:-1])
    try:  # octal escapes are the bytes of UTF-8
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return raw


def _unescape(found: re.Match[str]) -> str:
    octal, hexadecimal, character = found.groups()
    if octal is not None:
        return chr(int(octal, 8) & 0xFF)
    if hexadecimal is not None:
        return chr(int(hexadecimal, 16))
    return _ESCAPED.get(character, character)
