"""The folder of a Pascal VOC set, and the splits that it lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.labels.model import SourceFile
from yolokit.labels.splits import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.labels.ledger import Ledger


class VocFolder:
    """A folder with annotations, and the splits that its ``ImageSets/Main`` lists.

    Args:
        folder: Of the set.
        lists: Where below it the lists are, for formats that took them over.
    """

    def __init__(self, folder: Path, lists: str = "ImageSets/Main") -> None:
        self.folder = folder
        self.lists: dict[str, tuple[Path, dict[str, int]]] = {}
        for split in (*SPLITS, "trainval"):
            path = folder.joinpath(*lists.split("/"), f"{split}.txt")
            if path.is_file():
                self.lists[split] = (path, _read_ids(path))
        trainval = self.lists.pop("trainval", None)
        if trainval is not None and not {"train", "val"} & set(self.lists):
            self.lists["train"] = trainval
        self.met: set[str] = set()

    def splits_of(self, image_id: str) -> list[str]:
        """Return the splits that list an image."""
        self.met.add(image_id)
        return [split for split, (_, ids) in self.lists.items() if image_id in ids]

    def note_unannotated(self, ledger: Ledger) -> None:
        """Enter the images that a split lists and that nobody asked for."""
        for split, (path, ids) in self.lists.items():
            source = SourceFile(str(path))
            for image_id in sorted(set(ids) - self.met):
                message = f"{image_id} is listed for {split} and has no annotation file"
                ledger.note(source, ids[image_id], "no-annotation-file", message)


def _read_ids(path: Path) -> dict[str, int]:
    """Return the ids in a split's list with their lines; a second column is left aside."""
    try:
        lines = read_bounded(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the list of a split as UTF-8 text", path=path) from error
    found = [(line, number) for number, raw in enumerate(lines, 1) if (line := raw.strip())]
    if all(line.rpartition(" ")[2] in ("-1", "0", "1") for line, _ in found):
        found = [(line.rpartition(" ")[0].strip() or line, number) for line, number in found]
    return dict(reversed(found))
