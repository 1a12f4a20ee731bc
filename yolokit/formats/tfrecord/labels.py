"""Names of the classes in TFRecord files: of label maps beside them, or in the records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.formats.tfrecord.example import LabelMapItem, read_label_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class ClassNames:
    """The label map that counts for a file, and how often records agree with it."""

    def __init__(self, items: dict[int, LabelMapItem]) -> None:
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
        self._maps: dict[Path, dict[int, LabelMapItem]] = {}
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

    def _map_of(self, folder: Path) -> dict[int, LabelMapItem]:
        if folder not in self._maps:
            self._maps[folder] = self._read_maps(folder)
        return self._maps[folder]

    def _read_maps(self, folder: Path) -> dict[int, LabelMapItem]:
        items: dict[int, LabelMapItem] = {}
        for path in filter(Path.is_file, sorted(folder.glob("*.pbtxt"))):
            for class_id, item in (read_label_map(path) or {}).items():
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
