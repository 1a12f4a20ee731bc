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
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.suggest import unknown_name
from yolokit.datasets.data_yaml_place import find_data_yaml
from yolokit.datasets.label_rows import (
    RowLayout,
    find_faults,
    label_path,
    read_labels,
    to_annotations,
)
from yolokit.datasets.repeated import find_repeated
from yolokit.datasets.splits import SplitImage, list_images, normal_path, resolve_path
from yolokit.errors import DataError
from yolokit.files.size_limits import refuse_pointer
from yolokit.images.size import read_image_size
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile
from yolokit.labels.pose import PoseLayout

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SPLITS = ("train", "val", "test")
_MAX_BYTES = 4 << 20
_MAX_KEYPOINTS = 1000
_ALIASES = {"valid": "val", "validation": "val"}


class DataYaml(msgspec.Struct, frozen=True):
    """A checked ``data.yaml``.

    Attributes:
        path: The YAML file, absolute.
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
    reader = _Reader(path, _compose(path), images)
    names, class_ids = reader.read_names()
    if not sparse and class_ids != tuple(range(len(class_ids))):
        raise reader.error("names", "the ids of the classes must be 0, 1, 2... without gaps")
    splits = reader.read_splits(need) or splits
    if not splits:
        raise DataError("there is no train, val or test in it", path=path)
    if "download" in reader.values:
        reader.notes.append("`download:` is ignored: nothing from a data set is run")
    return DataYaml(path, names, class_ids, splits, reader.read_pose(), tuple(reader.notes))


def list_split_images(data: DataYaml, split: str) -> Iterator[SplitImage]:
    """Yield the images of a split, sorted within each of its folders, listed order else.

    Raises:
        ConfigError: There is no such split.
        DataError: A list file cannot be read.
    """
    for source in data.sources(split):
        yield from list_images(source, data.path.parent)


def iter_split(
    data: DataYaml, split: str, unreadable: list[DataError] | None = None
) -> Iterator[LabelledImage]:
    """Stream the images of a split with their labels, as an evaluation needs them.

    Categories are the indices of ``data.names``. An image without a label file, or with an empty
    one, is a background image.

    Args:
        data: The data set.
        split: Which part of it.
        unreadable: Gets the errors of images that cannot be read, which are left out then; None
            raises the first.

    Raises:
        ConfigError: There is no such split.
        DataError: An image cannot be read, or a label row is wrong (the first file that is).
    """
    layout = data.row_layout()
    for image in list_split_images(data, split):
        labels = label_path(image.path)
        try:
            size = read_image_size(image.path)
        except DataError as error:
            if unreadable is None:
                raise
            unreadable.append(error)
            continue
        rows = read_labels(labels, layout)
        wh = (size.width_px, size.height_px)
        record = ImageRecord(image.name, *wh, split, image.path, SourceFile(labels))
        if rows is None or not rows.row_count:
            yield LabelledImage(record, Annotations.empty())
            continue
        for fault in find_faults(rows, len(data.names), layout):
            raise DataError(fault.message, path=labels, line=fault.line)
        rows = rows.take(~find_repeated(rows))  # as ultralytics does: it would count as missed
        annotations = to_annotations(rows, rows.class_ids, wh, layout)
        limit = np.array([*wh, *wh], np.float64)
        inside = np.clip(annotations.xyxy, 0.0, limit)
        yield LabelledImage(record, msgspec.structs.replace(annotations, xyxy=inside))


class _Reader:
    """Reads the keys of one composed YAML mapping, and knows their lines."""

    def __init__(self, path: Path, root: Any, images: Path | None) -> None:
        self.path = path
        self._images = images.absolute() if images is not None else None
        self.notes: list[str] = []
        self.values: dict[str, Any] = {}
        for key, value in root.value:
            text = self._text(key, "a key")
            if text in self.values:
                raise self._error_at(key, f"{text!r} appears here a second time")
            self.values[text] = value
        for alias, name in _ALIASES.items():
            if alias in self.values and name not in self.values:
                self.values[name] = self.values[alias]

    def error(self, key: str, message: str) -> DataError:
        """Return an error at the line of a key's value."""
        return self._error_at(self.values[key], message)

    def read_names(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the class names and their ids, by ascending id."""
        if "names" not in self.values:
            raise DataError("there are no `names` of classes in it", path=self.path)
        node = self.values["names"]
        if node.id == "sequence":
            found = dict(enumerate(self._text(item, "a class name") for item in node.value))
        elif node.id == "mapping":
            found = {}
            for key, value in node.value:
                number = self._text(key, "a class id").strip()
                if not number.isdecimal():
                    raise self._error_at(key, f"the class id {number!r} is not a whole number")
                if int(number) in found:
                    raise self._error_at(key, f"class {number} appears here a second time")
                found[int(number)] = self._text(value, "a class name")
        else:
            raise self._error_at(node, "`names` must be a list, or ids with names")
        self._check_names(node, found)
        ids = tuple(sorted(found))
        return tuple(found[number] for number in ids), ids

    def _check_names(self, node: Any, names: dict[int, str]) -> None:
        if not names or not all(names.values()):
            raise self._error_at(node, "`names` holds an empty name, or no name at all")
        twice = [name for name in names.values() if list(names.values()).count(name) > 1]
        if twice:
            raise self._error_at(node, f"two classes are called {twice[0]!r}")
        count = self.values.get("nc")
        if count is not None and self._text(count, "`nc`").strip() != str(len(names)):
            raise self._error_at(
                count,
                f"`nc` is {self._text(count, '`nc`')}, but "
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
        text = self._text(node, f"`{split}`")
        if self._images is not None:
            elsewhere = resolve_path(text, (self._images,))
            if elsewhere is not None:
                return elsewhere
        bases = self._bases()
        found = resolve_path(text, bases, is_file=False)
        if found is None:
            where = " or ".join(str(base) for base in dict.fromkeys(bases))
            raise self._error_at(
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
        stated = self._text(self.values["path"], "`path`").strip()
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
        words = self._words(node) or []
        if len(words) != 2 or not words[0].isdecimal() or words[1] not in ("2", "3"):
            raise self._error_at(node, "`kpt_shape` must be [number of keypoints, 2 or 3]")
        count = int(words[0])
        if not 0 < count <= _MAX_KEYPOINTS:
            raise self._error_at(node, f"`kpt_shape` has {counted(count, 'keypoint')}")
        return PoseLayout(
            self._read_keypoint_names(count), self._read_flips(count), words[1] == "3"
        )

    def _read_keypoint_names(self, count: int) -> tuple[str, ...]:
        """Return ``kpt_names``, a list or one for each class; numbers where there are none."""
        node = self.values.get("kpt_names")
        if node is not None and node.id == "mapping" and node.value:
            node = node.value[0][1]
        words = self._words(node) if node is not None else None
        if words is not None and len(words) == count and all(words):
            return tuple(words)
        return tuple(str(number) for number in range(count))

    def _read_flips(self, count: int) -> tuple[int, ...] | None:
        node = self.values.get("flip_idx")
        if node is None:
            return None
        words = self._words(node) or []
        flips = tuple(int(word) for word in words if word.isdecimal() and len(word) < 6)
        if sorted(flips) != list(range(count)) or len(words) != count:
            raise self._error_at(node, f"`flip_idx` must name each of 0 to {count - 1} once")
        return flips

    def _words(self, node: Any) -> list[str] | None:
        """Return the texts of a list; None if it is not a list of texts."""
        if node.id != "sequence" or not all(item.id == "scalar" for item in node.value):
            return None
        return [str(item.value).strip() for item in node.value]

    def _text(self, node: Any, what: str) -> str:
        if node.id != "scalar":
            raise self._error_at(node, f"{what} must be text")
        return str(node.value)

    def _error_at(self, node: Any, message: str, *, hint: str | None = None) -> DataError:
        return DataError(message, path=self.path, line=node.start_mark.line + 1, hint=hint)


def _compose(path: Path) -> Any:
    """Parse YAML into nodes: text and positions, no objects of any kind."""
    import yaml

    try:
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise DataError("this is too large for a data.yaml", path=path)
        data = path.read_bytes()
        refuse_pointer(data, path)
        text = data.decode("utf-8-sig")
        # Not the loader in C: it overflows the stack on deep nesting and ends the process.
        root: Any = yaml.compose(text, Loader=yaml.BaseLoader)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise DataError("this is not a data.yaml: it is not UTF-8 text", path=path) from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        reason = getattr(error, "problem", None) or getattr(error, "reason", None)
        problem = f"this is not valid YAML: {reason or 'it is nested too deep'}"
        raise DataError(problem, path=path, line=line) from error
    if root is None or root.id != "mapping":
        raise DataError("this is not a data.yaml: it must hold `key: value` lines", path=path)
    return root
