"""Open Images CSV: a table of boxes a split, and one of class names.

Written by Google's Open Images (V4 to V7, Extended), OIDv4_ToolKit, FiftyOne, CVAT and Datumaro.
A row of ``*-annotations-bbox.csv`` is one box: edges as fractions of the image in the order XMin,
XMax, YMin, YMax, which is why columns are found by name; the class as a machine id such as
``/m/01g317``, which ``class-descriptions*.csv`` names; flags with 1 for yes, 0 for no and -1 for
unknown. An ``ImageID`` is the image's file name, mostly without its suffix. Sizes are not stated.

Source: https://storage.googleapis.com/openimages/web/download.html ("Data Formats"); Datumaro
``plugins/data_formats/open_images.py`` for the lists of images.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.openimages.tables import (
    COLUMNS,
    BoxRows,
    BoxTable,
    choose_lists,
    columns_of,
    read_class_names,
    read_list,
    subset_of,
)
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.locate import fractions_to_px
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import (
    Annotations,
    Category,
    Dataset,
    ImageRecord,
    LabelledImage,
    SourceFile,
)

TITLE = "Open Images CSV"
READS: tuple[Task, ...] = (Task.DETECT,)
RECOGNISED_BY = "CSV files with the columns ImageID, LabelName, XMin, XMax, YMin and YMax"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"group-of": ("exclude", "keep"), "depiction": ("keep", "exclude")}
)

_CLASS_FILE = re.compile(r"(.*class-descriptions.*|classes)\.csv", re.IGNORECASE)
_BOX_FILE = re.compile(r"-?annotations-bbox$", re.IGNORECASE)


def sniff(tree: SourceTree) -> Match | None:
    """Recognise CSV files by the columns in their first line."""
    files = [file for file in tree.files(".csv") if _is_box_head(tree.head(file))]
    if not files:
        return None
    names = ", ".join(file.name for file in files[:4]) + (", ..." if len(files) > 4 else "")
    return Match(1.0, f"{names}: the columns ImageID, LabelName, XMin, XMax, YMin, YMax")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open one table or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Tables are read here, once, into a few dozen bytes a box; images are looked at as they stream.

    Raises:
        DataError: There is no such table, one is broken, or images may not be looked at.
    """
    options.require_images("Open Images states no image sizes", source)
    files = SourceTree(source).pick(_is_box_head, ".csv")
    if not files:
        raise DataError("there is no CSV file in it with the columns of Open Images", path=source)
    layout = SourceLayout(source, options.images)
    tables = _read_tables(files, layout, options, ledger)
    lists = _image_lists(source, files)
    told = tuple(_enter_lists(lists, tables, layout, ledger))
    class_files = _class_files(source)
    names: dict[str, str] = {}
    for file in class_files:
        names = {**read_class_names(file), **names}
    dataset = _assemble(tables, _Classes(tables, names, class_files), ledger)
    return msgspec.structs.replace(dataset, evidence=(*dataset.evidence, *told))


def _is_box_head(head: bytes) -> bool:
    return set(COLUMNS) <= set(columns_of(head))


def _class_files(source: Path) -> list[Path]:
    """Return the files that name classes, those of the classes with boxes first."""
    if source.is_dir():
        candidates = list(SourceTree(source).files(".csv"))
    else:
        folders = [source.parent, source.parent.parent / "metadata"]
        candidates = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    found = [file for file in candidates if _CLASS_FILE.fullmatch(file.name) and file.is_file()]
    return sorted(found, key=lambda file: ("boxable" not in file.name.lower(), str(file)))


def _image_lists(source: Path, tables: Sequence[Path]) -> list[Path]:
    tree = SourceTree(source if source.is_dir() else source.parent)
    files = [file for file in tree.files(".csv") if file not in tables]
    return choose_lists(files, [tree.head(file) for file in files])


def _enter_lists(
    lists: Sequence[Path], tables: list[_Table], layout: SourceLayout, ledger: Ledger
) -> Iterator[str]:
    """Add the images that are listed to their tables; yield what is to be reported about them."""
    by_subset = {table.subset: table for table in reversed(tables)}
    before = sum(len(table.rows.image_ids) for table in tables)
    turned = 0
    for file in lists:
        without: Counter[str] = Counter()
        if subset_of(file.stem) and subset_of(file.stem) not in by_subset:
            tables.append(_Table(file, layout))
            by_subset[subset_of(file.stem)] = tables[-1]
        for listed in read_list(file):
            if listed.subset and listed.subset not in by_subset:
                without[listed.subset] += 1
                continue
            by_subset.get(listed.subset, tables[0]).rows.meet(listed.image_id)
            turned += listed.is_turned
        for subset, count in without.items():
            message = (
                f"{counted(count, 'image')} of {subset} left out: there is no table of boxes for it"
            )
            ledger.note(SourceFile(str(file)), None, "no-annotation-file", message)
    count = sum(len(table.rows.image_ids) for table in tables) - before
    if count:
        names = ", ".join(file.name for file in lists)
        yield f"{names}: {counted(count, 'image')} without rows of boxes, taken as background"
    if turned:
        images = counted(turned, "image has", "images have")
        yield f"{images} a Rotation, which is left aside: boxes are of images as they are stored"


class _Table:
    """A table of boxes with what its place says about it."""

    def __init__(self, path: Path, layout: SourceLayout) -> None:
        self.path = path
        inner = (_BOX_FILE.sub("", path.stem), "data")
        self.split, self.source = layout.describe_set_file(path, "line", inner)
        self.rows = BoxRows()

    @property
    def subset(self) -> str:
        """What lists of images call it."""
        return self.split or subset_of(self.path.stem)

    def iter_images(self, indices: Sequence[int]) -> Iterator[LabelledImage]:
        """Yield the images, boxes still in fractions; ``indices`` are of this table's classes."""
        rows = self.rows
        owners = np.array(rows.images, np.int64)
        order = np.argsort(owners, kind="stable")
        starts = np.searchsorted(owners[order], np.arange(len(rows.image_ids) + 1)).tolist()
        classes = np.array(indices, np.int64)[np.array(rows.classes, np.int64)]
        edges = np.array(rows.edges, np.float64).reshape(-1, 4)
        lines = np.array(rows.lines, np.int64)
        for at, image_id in enumerate(rows.image_ids):
            mine = order[starts[at] : starts[at + 1]]
            stem = image_id.rsplit(".", 1)[0]
            record = ImageRecord(
                image_id, None, None, self.split, None, self.source, (stem,) * (stem != image_id)
            )
            yield LabelledImage(record, Annotations(classes[mine], edges[mine], lines[mine]))


def _read_tables(
    files: Sequence[Path], layout: SourceLayout, options: ReadOptions, ledger: Ledger
) -> list[_Table]:
    excluded: dict[str, str] = {}
    if options.assume.get("group-of") != "keep":
        excluded["IsGroupOf"] = "the box is around a group of objects"
    if options.assume.get("depiction") == "exclude":
        excluded["IsDepiction"] = "it is a picture of the object"

    def read_file(file: Path) -> _Table:
        table = _Table(file, layout)
        table.rows = BoxTable(table.source, ledger, excluded).read(file)
        return table

    return read_each(files, read_file)


class _Classes:
    """The classes that boxes have: in the order of the file that names them, then by machine id."""

    def __init__(
        self, tables: Sequence[_Table], names: Mapping[str, str], files: Sequence[Path]
    ) -> None:
        used = {mid for table in tables for mid in table.rows.mids}
        order = [mid for mid in names if mid in used]
        order += sorted(used - set(order))
        counts = Counter(names.get(mid, mid) for mid in order)
        self.index = {mid: at for at, mid in enumerate(order)}
        self.categories = tuple(
            Category(at, _unique(names.get(mid, mid), mid, counts), mid)
            for at, mid in enumerate(order)
        )
        self._unnamed = [mid for mid in order if mid not in names]
        self._files = ", ".join(file.name for file in files)

    def evidence(self) -> Iterator[str]:
        if not self._files:
            yield (
                "there is no class-descriptions*.csv, which would name the classes: the machine "
                "ids are taken as names"
            )
            return
        yield f"{self._files} names the classes; those without a box are left out"
        if self._unnamed:
            shown = ", ".join(self._unnamed[:5]) + (", ..." if len(self._unnamed) > 5 else "")
            yield f"it has no name for {shown}: the machine ids are taken as names"


def _unique(name: str, mid: str, counts: Counter[str]) -> str:
    return name if counts[name] == 1 else f"{name} ({mid})"


def _assemble(tables: Sequence[_Table], classes: _Classes, ledger: Ledger) -> Dataset:
    indices = [[classes.index[mid] for mid in table.rows.mids] for table in tables]

    def iter_images() -> Iterator[LabelledImage]:
        for table, of_table in zip(tables, indices, strict=True):
            yield from fractions_to_px(table.iter_images(of_table), ledger)

    evidence = list(classes.evidence())
    commas = sum(table.rows.decimal_commas for table in tables)
    if commas:
        evidence.append(f"{counted(commas, 'row has', 'rows have')} decimal commas, read as points")
    return Dataset(
        classes.categories,
        iter_images,
        tuple(evidence),
        has_splits=any(table.split is not None for table in tables),
        image_count=sum(len(table.rows.image_ids) for table in tables),
    )
