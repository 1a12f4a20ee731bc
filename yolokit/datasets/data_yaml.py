"""The ``data.yaml`` of a YOLO data set: read strictly, and nothing in it is ever run.

Paths are relative to the YAML file, never to the working folder. A ``path:`` key is honoured,
relative to the YAML too; where it does not exist, as on another machine, the YAML's folder is
taken. Every scalar is read as plain text: a class called ``no`` stays ``no``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.plural import counted
from yolokit.core.suggest import unknown_name
from yolokit.datasets.label_rows import RowLayout
from yolokit.datasets.splits import normal_path, resolve_path
from yolokit.datasets.yaml_mapping import YamlMapping
from yolokit.errors import DataError
from yolokit.files.regular_file import why_no_file
from yolokit.labels.model import PoseLayout

if TYPE_CHECKING:
    from collections.abc import Collection

SPLITS = ("train", "val", "test")
_MAX_KEYPOINTS = 1000
_USUAL = ("data.yaml", "dataset.yaml")
_SUFFIXES = (".yaml", ".yml")
_HEAD_BYTES = 1 << 20
_CONVERT_FIRST = "`yolokit data convert` makes one from the annotations of any tool"
_ALIASES = {"valid": "val", "validation": "val"}


class DataYaml(msgspec.Struct, frozen=True):
    """A checked ``data.yaml``.

    Attributes:
        names: Class names; a label's class is the index.
        class_ids: The number that label rows use for each name: 0, 1, 2...
        splits: Split to existing folders, list files or images.
        pose: The keypoints of each label row (``kpt_shape``, ``flip_idx``, ``kpt_names``), if any.
        notes: What is odd, one sentence each.
    """

    path: Path
    names: tuple[str, ...]
    class_ids: tuple[int, ...]
    splits: Mapping[str, tuple[Path, ...]]
    pose: PoseLayout | None = None
    notes: tuple[str, ...] = ()

    def row_layout(self, *, take_sixth: bool = False) -> RowLayout:
        """Return what the rows of its label files may be."""
        if self.pose is None:
            return RowLayout(take_sixth=take_sixth)
        dims = 3 if self.pose.has_visibility else 2
        return RowLayout((len(self.pose.names), dims), take_sixth=take_sixth)

    def sources(self, split: str) -> tuple[Path, ...]:
        """Return the places of a split.

        Raises:
            ConfigError: There is no such split; the message suggests the nearest.
        """
        if split not in self.splits:
            raise unknown_name(f"split of {self.path}", split, self.splits)
        return self.splits[split]


def load_data_yaml(
    path: Path,
    *,
    sparse: bool = False,
    images: Path | None = None,
    splits: Mapping[str, tuple[Path, ...]] = MappingProxyType({}),
    need: Collection[str] = SPLITS,
) -> DataYaml:
    """Read a ``data.yaml``.

    Args:
        path: The YAML file, or the folder in which it lies.
        sparse: Allow gaps in the ids of the classes (training does not).
        images: A folder in which the images lie, where they are not beside the YAML.
        splits: Those of a YAML that names none.
        need: Splits that must exist if they are named; another that does not is left out with a
            note, as Roboflow names a ``test`` that an export need not have.

    Raises:
        DataError: It is not a data.yaml (with the line of the mistake), or a path does not exist.
    """
    path = find_data_yaml(path).absolute()
    reader = _Reader(path, images)
    names, class_ids = reader.read_names()
    if not sparse and class_ids != tuple(range(len(class_ids))):
        raise reader.error_at(
            reader.values["names"], "the ids of the classes must be 0, 1, 2... without gaps"
        )
    splits = reader.read_splits(need) or splits
    if not splits:
        raise DataError("there is no train, val or test in it", path=path)
    if "download" in reader.values:
        reader.notes.append("`download:` is ignored: nothing from a data set is run")
    return DataYaml(path, names, class_ids, splits, reader.read_pose(), tuple(reader.notes))


def find_data_yaml(path: Path) -> Path:
    """Return a YAML file, or the one in a folder that describes a data set.

    Raises:
        DataError: There is no such file or folder, or a folder has none or several to choose from.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        message = "there is no such data.yaml, and no such folder"
        raise DataError(message, path=path, hint=_CONVERT_FIRST)
    found = list_data_yamls(path)
    if not found:
        message = (
            "there is no data.yaml in this folder, nor another YAML file with `names` and splits"
        )
        raise DataError(message, path=path, hint=_CONVERT_FIRST)
    if len(found) > 1 and found[0].name not in _USUAL:
        names = ", ".join(entry.name for entry in found)
        message = f"several files in this folder describe a data set: {names}"
        raise DataError(message, path=path, hint=f"name one of them, such as {found[0]}")
    return found[0]


def list_data_yamls(folder: Path) -> list[Path]:
    """Return the YAML files in a folder that describe a data set, those of a usual name first."""
    entries = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in _SUFFIXES)
    fits = [entry for entry in entries if is_data_yaml(entry)]
    return sorted(fits, key=lambda entry: entry.name not in _USUAL)


def is_data_yaml(path: Path) -> bool:
    """Tell whether a file is YAML with the keys of a data set, right or wrong in detail."""
    if path.suffix.lower() not in _SUFFIXES or why_no_file(path) is not None:
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    keys = {line.split(b":")[0].strip(b" \"'\r") for line in head.splitlines() if b":" in line}
    return b"names" in keys and bool(keys & {b"train", b"val", b"valid", b"test"})


class _Reader(YamlMapping):
    """Reads the keys that describe a data set."""

    def __init__(self, path: Path, images: Path | None) -> None:
        super().__init__(path)
        self._images = images.absolute() if images is not None else None
        self.notes: list[str] = []
        for alias, name in _ALIASES.items():
            if alias in self.values and name not in self.values:
                self.values[name] = self.values[alias]

    def read_names(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the class names and their ids, by ascending id."""
        if "names" not in self.values:
            raise DataError("there are no `names` of classes in it", path=self.path)
        node = self.values["names"]
        if node.id == "sequence":
            found = dict(enumerate(self.text(item, "a class name") for item in node.value))
        elif node.id == "mapping":
            found = {}
            for key, value in node.value:
                number = self.text(key, "a class id").strip()
                if not number.isdecimal():
                    raise self.error_at(key, f"the class id {number!r} is not a whole number")
                if int(number) in found:
                    raise self.error_at(key, f"class {number} appears here a second time")
                found[int(number)] = self.text(value, "a class name")
        else:
            raise self.error_at(node, "`names` must be a list, or ids with names")
        self._check_names(node, found)
        ids = tuple(sorted(found))
        return tuple(found[number] for number in ids), ids

    def _check_names(self, node: Any, names: dict[int, str]) -> None:
        if not names or not all(names.values()):
            raise self.error_at(node, "`names` holds an empty name, or no name at all")
        twice = [name for name in names.values() if list(names.values()).count(name) > 1]
        if twice:
            raise self.error_at(node, f"two classes are called {twice[0]!r}")
        count = self.values.get("nc")
        if count is not None and self.text(count, "`nc`").strip() != str(len(names)):
            raise self.error_at(
                count,
                f"`nc` is {self.text(count, '`nc`')}, but "
                f"{counted(len(names), 'name is', 'names are')} given",
            )

    def read_splits(self, need: Collection[str]) -> dict[str, tuple[Path, ...]]:
        """Return the splits that are named and exist; one that is needed must, if it is named."""
        splits: dict[str, tuple[Path, ...]] = {}
        for split in SPLITS:
            try:
                found = self.read_split(split)
            except DataError as error:
                if split in need:
                    raise
                self.notes.append(f"{error.message}; there is no {split} split")
            else:
                splits |= {split: found} if found else {}
        return splits

    def read_split(self, split: str) -> tuple[Path, ...]:
        """Return the places of a split, each of which exists; empty if it is not there."""
        node = self.values.get(split)
        if node is None or (node.id == "scalar" and node.value in ("", "null", "~")):
            return ()
        items = node.value if node.id == "sequence" else [node]
        return tuple(self._find(item, split) for item in items)

    def _find(self, node: Any, split: str) -> Path:
        text = self.text(node, f"`{split}`")
        if self._images is not None:
            elsewhere = resolve_path(text, (self._images,))
            if elsewhere is not None:
                return elsewhere
        bases = self._bases()
        found = resolve_path(text, bases, is_file=False)
        if found is None:
            where = " or ".join(str(base) for base in dict.fromkeys(bases))
            raise self.error_at(
                node,
                f"`{split}: {text}` does not exist below {where}",
                hint=f"correct the path, or take the line out if there is no {split} split",
            )
        if found not in [normal_path(base / text) for base in bases]:
            self.notes.append(f"`{split}: {text}` does not exist; using {found}")
        return found

    def _bases(self) -> tuple[Path, ...]:
        here = self.path.parent
        if "path" not in self.values:
            return (here,)
        stated = self.text(self.values["path"], "`path`").strip()
        if stated and (here / stated).is_dir():
            return (normal_path(here / stated), here)
        note = f"`path: {stated}` does not exist; paths are taken relative to {here}"
        if note not in self.notes:
            self.notes.append(note)
        return (here,)

    def read_pose(self) -> PoseLayout | None:
        """Return what ``kpt_shape: [count, 2 or 3]`` and the keys that go with it say."""
        node = self.values.get("kpt_shape")
        if node is None:
            return None
        words = self.words(node) or []
        if len(words) != 2 or not words[0].isdecimal() or words[1] not in ("2", "3"):
            raise self.error_at(node, "`kpt_shape` must be [number of keypoints, 2 or 3]")
        count = int(words[0])
        if not 0 < count <= _MAX_KEYPOINTS:
            raise self.error_at(node, f"`kpt_shape` has {counted(count, 'keypoint')}")
        return PoseLayout(
            self._read_keypoint_names(count), self._read_flips(count), words[1] == "3"
        )

    def _read_keypoint_names(self, count: int) -> tuple[str, ...]:
        """Return ``kpt_names``, a list or one for each class; numbers where there are none."""
        node = self.values.get("kpt_names")
        if node is not None and node.id == "mapping" and node.value:
            node = node.value[0][1]
        words = self.words(node) if node is not None else None
        if words is not None and len(words) == count and all(words):
            return tuple(words)
        return tuple(str(number) for number in range(count))

    def _read_flips(self, count: int) -> tuple[int, ...] | None:
        node = self.values.get("flip_idx")
        if node is None:
            return None
        words = self.words(node) or []
        flips = tuple(int(word) for word in words if word.isdecimal() and len(word) < 6)
        if sorted(flips) != list(range(count)) or len(words) != count:
            raise self.error_at(node, f"`flip_idx` must name each of 0 to {count - 1} once")
        return flips
