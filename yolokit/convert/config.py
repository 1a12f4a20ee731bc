"""The options of ``data convert``, checked as a whole before anything is read or written."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from yolokit.convert.earlier import CONVERTED
from yolokit.convert.findings import CODES
from yolokit.convert.steps.assign_splits import SplitPlan
from yolokit.convert.steps.copy_images import LinkMode
from yolokit.convert.steps.filter_areas import AreaLimits
from yolokit.convert.steps.group_images import GroupPlan
from yolokit.convert.steps.keep_sample import Sample
from yolokit.convert.steps.map_classes import ClassMap
from yolokit.core.config import build_config
from yolokit.core.findings import find_unknown_codes
from yolokit.core.suggest import describe_unknown
from yolokit.errors import ConfigError, DataError
from yolokit.files.outputs import Replacing, check_output
from yolokit.formats.toolkit.locate import EXIF
from yolokit.formats.toolkit.plugin import Format, can_write, list_formats, writable_tasks
from yolokit.labels.max_drop import MaxDrop
from yolokit.labels.shapes import TASKS, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AUTO = "auto"

SHARED: Mapping[str, tuple[str, ...]] = MappingProxyType({"exif": EXIF})
"""What ``--assume`` can state whatever the format: convention to its values, default first."""


class ConvertConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is converted, and how.

    Attributes:
        sources: Annotation files, folders with annotations, or archives of either.
        out: The folder to make.
        images: Folder with the images, where they are not beside the annotations.
        from_format: A format's name, or ``auto``.
        to_format: The name of a format that can be written.
        task: What annotations become: ``detect``, ``segment``, ``pose`` or ``obb``.
        boxes_as_outlines: Make outlines, or rotated boxes, of plain boxes.
        maps: Classes to be renamed or joined, each as ``OLD,OLD=NEW``.
        keep: Names of the only classes to keep, with commas between them.
        drop: Names of classes to leave out.
        min_area: Annotations below this are left out: square px, or a share of the image (``1%``).
        max_area: Annotations above this are left out.
        sample: How many images to take: a share such as ``10%``, or a number.
        tile: Side in px of the tiles that images are cut into; None to leave them whole.
        tile_overlap: The least share of a tile that it has in common with its neighbour.
        min_visible: The least share of an annotation that a tile must show to keep it.
        split: ``auto``, ``keep``, or shares of train, val and test such as ``0.8,0.1,0.1``.
        group: What must stay in one split: ``folder``, ``video``, ``near-duplicate`` or
            ``re:PATTERN`` on the name.
        folds: Make so many folds of a cross-validation in place of train, val and test.
        seed: Of a split or a sample that is made here.
        link: How images get into the set.
        labels_only: Write no images, and read none.
        overwrite: Replace ``out`` if it is an earlier conversion.
        max_drop: How many annotations may be dropped: a share such as ``0.5%``, or a count.
        assume: What is known about conventions of the source, each as ``KEY=VALUE``.
        allow: Codes of findings despite which to convert.
    """

    sources: tuple[Path, ...]
    out: Path
    images: Path | None = None
    from_format: str = AUTO
    to_format: str = "yolo"
    task: Task = "detect"
    boxes_as_outlines: bool = False
    maps: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    min_area: str | None = None
    max_area: str | None = None
    sample: str | None = None
    tile: Annotated[int, Meta(ge=16)] | None = None
    tile_overlap: Annotated[float, Meta(ge=0, lt=1)] = 0.2
    min_visible: Annotated[float, Meta(gt=0, le=1)] = 0.3
    split: str = "auto"
    group: str | None = None
    folds: Annotated[int, Meta(ge=2, le=100)] | None = None
    seed: Annotated[int, Meta(ge=0)] = 0
    link: LinkMode = "copy"
    labels_only: bool = False
    overwrite: bool = False
    max_drop: str = "0.5%"
    assume: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    @property
    def exif(self) -> str:
        """Which image labels were drawn on where one has an EXIF orientation: one of ``EXIF``."""
        stated = [text.partition("=")[2] for text in self.assume if text.startswith("exif=")]
        return stated[-1] if stated else EXIF[0]

    @classmethod
    def build(cls, values: Mapping[str, Any]) -> ConvertConfig:
        """Check options and put them together.

        Raises:
            ConfigError: Anything is wrong; all mistakes are listed.
            OutputExistsError: Nothing else is wrong, but ``out`` exists and is not replaced.
            DataError: The options are right, but a source is not a file or folder.
        """
        config = build_config(cls, values, what="data convert", also=_find_problems)
        for source in config.sources:
            if not _exists(source):
                raise DataError("there is no such file or folder", path=source)
            if not (source.is_file() or source.is_dir()):  # reading a pipe may never end
                raise DataError("this is a pipe or a device, not a file or folder", path=source)
        check_output(config.out, config.replacing)
        return config

    @property
    def replacing(self) -> Replacing:
        """What may be replaced: an earlier conversion, and nothing that is read."""
        keep = (*self.sources, *([self.images] if self.images else []))
        return Replacing(result=CONVERTED, wanted=self.overwrite, keep=keep)


def check_task(config: ConvertConfig, name: str, source_format: Format) -> None:
    """Refuse a task for which a format holds nothing.

    Raises:
        ConfigError: It holds none of what the task wants.
    """
    if config.task in source_format.READS or config.boxes_as_outlines:
        return
    raise ConfigError(
        f"task: {name} holds nothing for {config.task}, only for {', '.join(source_format.READS)}",
        hint="--boxes-as-outlines makes outlines of boxes" if config.task != "pose" else None,
    )


def check_assumptions(
    assume: tuple[str, ...], formats: Mapping[str, Format]
) -> dict[str, dict[str, str]]:
    """Return what the user states about the conventions of each format, by the format's name.

    Args:
        assume: Each as ``KEY=VALUE``.
        formats: Of the sources, by name; a key has to be one of any of them.

    Raises:
        ConfigError: A key or a value is not one of the formats'; all of them are listed.
    """
    known = {**SHARED, **{key: () for one in formats.values() for key in one.ASSUME}}
    found: dict[str, dict[str, str]] = {name: {} for name in formats}
    problems: list[str] = []
    for text in assume:
        key, _, value = text.partition("=")
        if key not in known:
            problems.append(describe_unknown(f"convention of {', '.join(formats)}", key, known))
        for name, source_format in formats.items():
            conventions = {**SHARED, **source_format.ASSUME}
            values = conventions.get(key, (value,))
            if value not in values:
                problems.append(f"assume: {key} of {name} is {' or '.join(values)}, not {value!r}")
            elif key in conventions:
                found[name][key] = value
    if problems:
        raise ConfigError("mistakes in the options of data convert:", problems=problems)
    return found


def _find_problems(values: Mapping[str, Any]) -> list[str]:
    problems: list[str] = []
    formats = list_formats()
    from_format, to_format = values.get("from_format"), values.get("to_format")
    if from_format is not None and from_format not in (AUTO, *formats):
        problems.append("from: " + describe_unknown("format", from_format, (AUTO, *formats)))
    if to_format is not None:
        writable = [name for name in formats if can_write(name)]
        if to_format not in writable:
            problems.append("to: " + describe_unknown("format", to_format, writable))
    task = values.get("task", "detect")
    if to_format is None or to_format in formats:
        tasks = writable_tasks(to_format or "yolo")
        if tasks and task in TASKS and task not in tasks:
            problems.append(f"task: {to_format} is written for {', '.join(tasks)}, not for {task}")
    if values.get("boxes_as_outlines") and task not in ("segment", "obb"):
        problems.append("boxes-as-outlines: needs --task segment or obb")
    problems += _find_step_problems(values)
    problems += [
        f"assume: {text!r} is not KEY=VALUE"
        for text in values.get("assume", ())
        if not all(text.partition("="))
    ]
    problems += find_unknown_codes(values.get("allow", ()), CODES)
    return problems + _find_path_problems(values)


def _find_step_problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with options that are parsed later, or do not go together."""
    problems: list[str] = []
    checks: dict[str, Callable[[], object]] = {
        "split": lambda: SplitPlan.parse(values.get("split", "auto")),
        "max-drop": lambda: MaxDrop.parse(values.get("max_drop", "0%")),
        "sample": lambda: Sample.parse(values.get("sample") or "100%"),
        "group": lambda: GroupPlan.parse(values.get("group") or "folder"),
        "area": lambda: AreaLimits.parse(values.get("min_area"), values.get("max_area")),
        "map": lambda: ClassMap.parse(
            values.get("maps", ()), values.get("keep", ()), values.get("drop", ())
        ),
    }
    for name, check in checks.items():
        try:
            check()
        except ValueError as error:
            problems.append(f"{name}: {error}")
    return problems + _find_conflicts(values)


def _find_conflicts(values: Mapping[str, Any]) -> list[str]:
    folds, tile = values.get("folds") is not None, values.get("tile") is not None
    labels_only, group = values.get("labels_only"), values.get("group")
    mode, link = values.get("split", "auto"), values.get("link", "copy")
    conflicts = {
        "folds: need --to yolo, which names the splits of each": folds
        and values.get("to_format", "yolo") != "yolo",
        "folds: cannot be combined with --split": folds and mode != "auto",
        "group: no split is made with --split keep": group and mode == "keep",
        "group: near-duplicate compares images, and --labels-only reads none": labels_only
        and group == "near-duplicate",
        "tile: cuts images, and --labels-only reads none": tile and labels_only,
        "assume: exif is about images, and --labels-only reads none": labels_only
        and any(text.startswith("exif=") for text in values.get("assume", ())),
        f"tile: makes new images, so it cannot be combined with --link {link}": tile
        and link != "copy",
    }
    return [sentence for sentence, holds in conflicts.items() if holds]


def _find_path_problems(values: Mapping[str, Any]) -> list[str]:
    images = values.get("images")
    problems: list[str] = []
    if images is not None and not _exists(images):
        problems.append(f"images: {images} does not exist")
    elif images is not None and not images.is_dir():
        problems.append(f"images: {images} is not a folder")
    if images is not None and values.get("labels_only"):
        problems.append("images: says where images are, and labels-only reads none")
    return problems


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
