"""Reads tasks of Label Studio into the model: percent to pixels, the rest to the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.labelstudio.images import TaskImages, list_references
from yolokit.formats.labelstudio.regions import (
    Region,
    group_results,
    point_of_region,
    shape_of_region,
    why_no_area,
    without_parts,
)
from yolokit.formats.labelstudio.tasks import (
    LabelConfig,
    StudioTask,
    choose_annotations,
    is_cancelled,
    results_of,
)
from yolokit.formats.toolkit.locate import is_resized, size_text
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Action, Ledger
from yolokit.labels.model import Dataset, SourceFile, describe_pose


class TaskFile(NamedTuple):
    """A file that is decoded: its tasks, and the split that it is named after."""

    source: SourceFile
    split: str | None
    tasks: list[StudioTask]


class _OpenTask(NamedTuple):
    """A task whose annotation is chosen: its images, and its regions with their places."""

    source: SourceFile
    split: str | None
    name: str
    references: list[str]
    regions: list[tuple[int, Region]]


class TaskReader:
    """Reads decoded files one by one; :meth:`finish` puts the data set together."""

    def __init__(self, options: ReadOptions, config: LabelConfig, ledger: Ledger) -> None:
        self._options = options
        self._config = config
        self._ledger = ledger
        self._rule = options.assume.get("annotators", "last")
        self._unlabelled = options.assume.get("unlabelled")
        self._open: list[_OpenTask] = []
        self._counts: Counter[str] = Counter()
        self._controls: Counter[str] = Counter()
        self._place = 0

    def add_file(self, file: TaskFile) -> None:
        """Choose among the annotations of each task in a file."""
        self._place = 0
        for task in file.tasks:
            self._counts["predictions"] += task.prediction_count
            active = [one for one in task.annotations if not is_cancelled(one)]
            chosen = choose_annotations(active, self._rule)
            self._counts["several"] += len(active) > 1
            self._counts["unlabelled"] += not task.annotations
            self._counts["tasks"] += 1
            regions: list[tuple[int, Region]] = []
            for annotation in task.annotations:
                found, relations = group_results(results_of(annotation))
                self._counts["relations"] += relations
                places = range(self._place, self._place + len(found))
                self._place += len(found)
                numbered = list(zip(places, found, strict=True))
                self._ledger.see(len(without_parts(numbered)))
                if any(annotation is one for one in chosen):
                    regions += numbered
                else:
                    self._leave_out(file.source, task, numbered, cancelled=is_cancelled(annotation))
            self._open_task(file, task, regions, is_done=bool(chosen))

    def _leave_out(
        self,
        source: SourceFile,
        task: StudioTask,
        regions: list[tuple[int, Region]],
        *,
        cancelled: bool,
    ) -> None:
        code = "cancelled" if cancelled else "other-annotation"
        why = "was cancelled" if cancelled else "is not the one that was taken"
        for place, _ in without_parts(regions):
            message = f"task {task.name}: the annotation that it is in {why}"
            self._ledger.record(source, place, "excluded", code, message)

    def _open_task(
        self, file: TaskFile, task: StudioTask, regions: list[tuple[int, Region]], *, is_done: bool
    ) -> None:
        source = file.source
        if not is_done and (task.annotations or self._unlabelled == "exclude"):
            words = (
                "all its annotations are cancelled" if task.annotations else "nobody labelled it"
            )
            self._ledger.note(source, None, "task-left-out", f"task {task.name}: {words}")
            return
        try:
            references = list_references(task.data)
        except ValueError as error:
            self._lose(source, regions, "no-image", f"task {task.name}: {error}")
            return
        self._open.append(_OpenTask(source, file.split, task.name, references, regions))

    def _lose(
        self,
        source: SourceFile,
        regions: list[tuple[int, Region]],
        code: str,
        message: str,
        image: str | None = None,
    ) -> None:
        places = [place for place, _ in without_parts(regions)]
        self._ledger.record_all(source, places, "dropped", code, message, image)

    def finish(self, source: Path) -> Dataset:
        """Return what was added as a data set.

        Raises:
            DataError: Nobody has annotated any task, and it is not stated what that means.
        """
        self._require_annotations(source)
        self._names = self._name_keypoints()
        images = TaskImages(self._options, self._ledger)
        for task in self._open:
            images.count_names(task.references)
        for task in self._open:
            for item, reference in enumerate(task.references):
                here = [pair for pair in task.regions if pair[1].item == item]
                sizes = [region.size for _, region in here if region.size[0] is not None]
                try:
                    rows = images.rows_for(
                        reference, task.source, task.split, sizes[:1], is_drawn=bool(here)
                    )
                except ValueError as error:
                    self._lose(task.source, here, "no-image", f"task {task.name}: {error}")
                    continue
                if rows is not None:
                    self._read_regions(task, here, rows)
                elif here:
                    why = images.why_missing(reference)
                    self._lose(task.source, here, "missing-image", why, reference)
            strays = [pair for pair in task.regions if pair[1].item >= len(task.references)]
            if strays:
                message = f"task {task.name}: it is in an image that the task does not have"
                self._lose(task.source, strays, "no-image", message)
        pose = describe_pose(self._names) if self._names else None
        return build_dataset(
            images.all_rows, names=self._config.classes, evidence=self._evidence(), pose=pose
        )

    def _require_annotations(self, source: Path) -> None:
        counts = self._counts
        if counts["tasks"] == counts["unlabelled"] and self._unlabelled is None:
            raise DataError(
                f"there is no annotation in its {counted(counts['tasks'], 'task')}; "
                f"{counted(counts['predictions'], 'prediction is', 'predictions are')} not read",
                path=source,
                hint="export tasks that somebody has annotated; --assume unlabelled=background "
                "takes these as images without objects",
            )

    def _name_keypoints(self) -> tuple[str, ...]:
        met = [
            label
            for task in self._open
            for _, region in task.regions
            if region.is_part
            for label in region.labels[:1]
        ]
        wanted = bool(met) or self._options.task == Task.POSE
        return tuple(dict.fromkeys([*self._config.keypoints, *met])) if wanted else ()

    def _read_regions(
        self, task: _OpenTask, regions: list[tuple[int, Region]], rows: ImageRows
    ) -> None:
        parts: dict[str, list[tuple[int, Region]]] = {}
        for place, region in regions:
            if region.is_part:
                parts.setdefault(region.parent, []).append((place, region))
        for place, region in without_parts(regions):
            fault = why_no_area(region)
            if fault is None:
                fault = self._add(task, place, region, rows, parts.get(region.id, ()))
            if fault is not None:
                action, code, message = fault
                text = f"task {task.name}: {message}"
                self._ledger.record(task.source, place, action, code, text)

    def _add(
        self,
        task: _OpenTask,
        place: int,
        region: Region,
        rows: ImageRows,
        parts: Sequence[tuple[int, Region]],
    ) -> tuple[Action, str, str] | None:
        """Add an area to its image; return why that cannot be, or None."""
        wh = rows.image.image_wh
        remark = None
        width_px, height_px = region.size
        if width_px is not None and height_px is not None and region.size != wh:
            stated = (width_px, height_px)
            remark = f"size-differs: it is stated on {size_text(stated)} px, "
            remark += f"the image on {size_text(wh)}"
            if not is_resized(stated, wh) or region.kind == "brush":
                return "dropped", "size-differs", remark.partition(": ")[2]
        if len(region.labels) > 1:
            remark = f"several-labels: it is {', '.join(region.labels)}; the first was taken"
        try:
            rotated = self._options.task == Task.OBB
            xyxy, shape = shape_of_region(region, wh, rotated=rotated)
            keypoints = self._keypoints_of(task, parts, wh)
        except ValueError as error:
            return "dropped", "bad-region", str(error)
        if shape is not None and shape.remark is not None and remark is not None:
            shape = msgspec.structs.replace(shape, remark=None)
        self._controls[region.control] += 1
        name = region.labels[0]
        rows.add(name, place, xyxy, shape=shape, keypoints=keypoints, remark=remark)
        return None

    def _keypoints_of(
        self, task: _OpenTask, parts: Sequence[tuple[int, Region]], wh: tuple[int, int]
    ) -> F64 | None:
        if not parts:
            return None
        points = np.zeros((len(self._names), 3), np.float64)
        for place, part in parts:
            label = part.labels[0] if part.labels else None
            if label is None or points[self._names.index(label), 2]:
                what = "has no label" if label is None else f"{label} is in its object twice"
                message = f"task {task.name}: a keypoint {what}; it was left out"
                self._ledger.note(task.source, place, "bad-keypoint", message)
                continue
            points[self._names.index(label)] = point_of_region(part, wh)
            self._counts["hidden"] += part.hidden
        return points

    def _evidence(self) -> list[str]:
        counts = self._counts
        found = []
        if len(self._controls) > 1:
            shown = ", ".join(f"{name or '?'} ({n})" for name, n in self._controls.most_common())
            found.append(f"regions come from several controls, all of which are read: {shown}")
        if counts["several"]:
            words = {"last": "the ground truth, else the last one", "first": "the first one"}
            found.append(
                f"{counted(counts['several'], 'task has', 'tasks have')} several annotations, of "
                f"which {words.get(self._rule, 'every one')} was taken "
                "(--assume annotators=last|first|all)"
            )
        if counts["unlabelled"]:
            taken = "left out" if self._unlabelled == "exclude" else "taken as background"
            found.append(
                f"{counted(counts['unlabelled'], 'task')} without an annotation {taken} "
                "(--assume unlabelled=background|exclude)"
            )
        if counts["predictions"]:
            predictions = counted(counts["predictions"], "prediction")
            found.append(f"{predictions} not read: only annotations are")
        if counts["relations"]:
            relations = counted(counts["relations"], "relation")
            found.append(f"{relations} between regions not read")
        if self._names:
            order = self._config.file_name if self._config.keypoints else "the order they come in"
            found.append(f"keypoints are {', '.join(self._names)}, by {order}")
        if counts["hidden"]:
            keypoints = counted(counts["hidden"], "keypoint")
            found.append(f"{keypoints} hidden, by a choice on the region")
        return found
