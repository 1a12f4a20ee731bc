"""Which options of ``data convert`` go together, and with the formats."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from yolokit.convert.findings import CODES
from yolokit.convert.steps.assign_splits import SplitPlan
from yolokit.convert.steps.filter_areas import AreaLimits
from yolokit.convert.steps.group_images import GroupPlan
from yolokit.convert.steps.keep_sample import Sample
from yolokit.convert.steps.map_classes import ClassMap
from yolokit.core.config import AUTO, exists
from yolokit.core.findings import find_unknown_codes
from yolokit.core.suggest import describe_unknown
from yolokit.core.task import Task
from yolokit.errors import ConfigError
from yolokit.formats.toolkit.locate import EXIF
from yolokit.formats.toolkit.plugin import Format, can_write, list_formats, writable_tasks
from yolokit.labels.max_drop import MaxDrop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from yolokit.convert.config import ConvertConfig

SHARED: Mapping[str, tuple[str, ...]] = MappingProxyType({"exif": EXIF})
"""What ``--assume`` can state whatever the format: convention to its values, default first."""


def check_task(config: ConvertConfig, name: str, source_format: Format) -> None:
    """Refuse a task for which a format holds nothing.

    Raises:
        ConfigError: It holds none of what the task wants.
    """
    if config.task in source_format.READS or config.boxes_as_outlines:
        return
    raise ConfigError(
        f"task: {name} holds nothing for {config.task}, only for {', '.join(source_format.READS)}",
        hint="--boxes-as-outlines makes outlines of boxes" if config.task != Task.POSE else None,
    )


def check_assumptions(
    assume: Sequence[str], formats: Mapping[str, Format]
) -> dict[str, dict[str, str]]:
    """Return what ``KEY=VALUE`` states about the conventions of each format, by the format's name.

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
        raise ConfigError("--assume does not fit the source:", problems=problems)
    return found


def find_problems(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each option that is wrong beside the others; see :class:`Config`."""
    problems = _find_format_problems(values)
    formats = list_formats()
    to_format = values.get("to_format")
    if to_format is not None:
        writable = [name for name in formats if can_write(name)]
        if to_format not in writable:
            problems.append("to: " + describe_unknown("format", to_format, writable))
    task = values.get("task", Task.DETECT)
    target = to_format or "yolo"
    if target in formats:
        tasks = writable_tasks(target)
        if tasks and task not in tasks:
            problems.append(f"task: {target} is written for {', '.join(tasks)}, not for {task}")
    if values.get("boxes_as_outlines") and task not in (Task.SEGMENT, Task.OBB):
        problems.append("boxes-as-outlines: needs --task segment or obb")
    problems += _find_step_problems(values)
    problems += _find_assume_problems(values)
    problems += find_unknown_codes(values.get("allow", ()), CODES)
    return problems + _find_path_problems(values)


def find_reading_problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the options that say how a source is to be read, and no others."""
    problems = [*_find_format_problems(values), *_find_assume_problems(values)]
    return [*problems, *_find_path_problems(values)]


def _find_format_problems(values: Mapping[str, Any]) -> list[str]:
    known, name = (AUTO, *list_formats()), values.get("from_format")
    if name is None or name in known:
        return []
    return ["from: " + describe_unknown("format", name, known)]


def _find_assume_problems(values: Mapping[str, Any]) -> list[str]:
    assume = values.get("assume", ())
    problems = [
        f"assume: {text!r} is not KEY=VALUE" for text in assume if not all(text.partition("="))
    ]
    if values.get("labels_only") and any(text.startswith("exif=") for text in assume):
        problems.append("assume: exif is about images, and --labels-only reads none")
    return problems


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
        f"tile: makes new images, so it cannot be combined with --link {link}": tile
        and link != "copy",
    }
    return [sentence for sentence, holds in conflicts.items() if holds]


def _find_path_problems(values: Mapping[str, Any]) -> list[str]:
    images = values.get("images")
    problems: list[str] = []
    if images is not None and not exists(images):
        problems.append(f"images: {images} does not exist")
    elif images is not None and not images.is_dir():
        problems.append(f"images: {images} is not a folder")
    if images is not None and values.get("labels_only"):
        problems.append("images: says where images are, and labels-only reads none")
    return problems
