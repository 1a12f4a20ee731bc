"""Reads CVAT files: images with their shapes, and tracks with what they show in each frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from yolokit.core.gc import collector_paused
from yolokit.core.plural import counted, share
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.cvat.shapes import (
    AREAS,
    NO_AREAS,
    Drawing,
    group_of,
    order_points,
    read_drawing,
    split_fragments,
    to_part,
)
from yolokit.formats.cvat.tracks import (
    MAX_FRAME,
    CvatMeta,
    FrameFiles,
    TaskFrames,
    TrackReader,
    read_meta,
)
from yolokit.formats.toolkit.layout import SourceLayout, split_from_name
from yolokit.formats.toolkit.object_groups import BOX_OF_POINTS, Part, join_parts
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.formats.toolkit.source_tree import read_each
from yolokit.formats.toolkit.xml_tree import XmlElement, read_xml
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, PoseLayout, SourceFile, describe_only_pose
from yolokit.labels.shapes import describe_fragments


class CvatReader:
    """Reads files one by one; what is not an area goes to the ledger."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._options = options
        self._ledger = ledger
        assume = options.assume
        self._in_order = assume.get("frame-files") == "sorted"
        self._joins = assume.get("group") != "separate"
        self._tracks = TrackReader(
            ledger,
            gaps=assume.get("gaps", "auto"),
            holds_to_stop=assume.get("track-end") == "stop-frame",
        )
        self._images: list[tuple[ImageRecord, list[Part]]] = []
        self._names: dict[str, None] = {}
        self._points: dict[str, dict[str, None]] = {}
        self._facts: Counter[str] = Counter()
        self._evidence: dict[str, None] = {}
        self._videos_hint: str | None = None

    def read(self, paths: Iterable[Path]) -> Dataset:
        """Read all files, and report all broken ones at once."""
        with collector_paused():
            read_each(paths, self._read_file)
            pose = None
            if self._options.task == Task.POSE:
                skeletons = {tuple(points): name for name, points in self._points.items() if points}
                pose = describe_only_pose(skeletons, "skeletons", self._layout.root)
            return build_dataset(
                [self._to_rows(record, parts, pose) for record, parts in self._images],
                names=list(self._names),
                evidence=[*self._evidence, *self._count_evidence()],
                pose=pose,
            )

    def _read_file(self, path: Path) -> None:
        root = read_xml(path)
        if root.tag != "annotations":
            raise DataError(
                f"the root element is <{root.tag}>, not <annotations>", path=path, line=root.line
            )
        meta = read_meta(root)
        if meta.owner:
            self._evidence[f"labels are those of meta/{meta.owner}"] = None
        self._names.update(dict.fromkeys(meta.labels))
        for label, points in meta.point_labels.items():
            self._points.setdefault(label, {}).update(dict.fromkeys(points))
        file = _CvatFile(path, self._layout)
        self._read_images(root, file)
        if next(root.all("track"), None) is not None:
            self._read_video(root, meta, file)

    def _read_images(self, root: XmlElement, file: _CvatFile) -> None:
        found: dict[tuple[str, str], tuple[ImageRecord, list[Part]]] = {}
        for element in root.all("image"):
            record = self._read_image(element, file)
            key = (element.attributes.get("subset", ""), record.file_name)
            if key in found:
                message = f"{record.file_name} is listed more than once; its labels were joined"
                self._ledger.note(record.source, element.line, "duplicate-image", message)
            _, parts = found.setdefault(key, (record, []))
            parts += self._read_shapes(element, record.source)
        self._images += found.values()

    def _read_image(self, element: XmlElement, file: _CvatFile) -> ImageRecord:
        attributes = element.attributes
        subset = attributes.get("subset", "")
        number = attributes.get("id", "")
        # Old files name no images of a video.
        name = attributes.get("name") or f"frame_{number:0>6}"
        try:
            width, height = int(attributes["width"]), int(attributes["height"])
        except (KeyError, ValueError):
            width = height = 0
        split, source = file.place_of(subset)
        if min(width, height) < 1:
            return ImageRecord(name, None, None, split, None, source)
        return ImageRecord(name, width, height, split, None, source)

    def _read_shapes(self, element: XmlElement, source: SourceFile) -> list[Part]:
        """Return the annotations of an image; shapes that are parts of one object are one."""
        shapes, fragments = split_fragments(
            child for child in element.children if child.tag in AREAS or child.tag in NO_AREAS
        )
        for fragment in fragments:
            self._ledger.note(source, fragment.line, *describe_fragments(1))
        self._ledger.see(len(shapes))
        found = (self._read_shape(shape, source) for shape in shapes)
        return self._join([part for part in found if part is not None])

    def _join(self, parts: list[Part]) -> list[Part]:
        """Join the parts of objects; an object of several shapes is one annotation."""
        joined = [part for part, _ in join_parts(parts)] if self._joins else parts
        self._ledger.see(len(joined) - len(parts))
        self._facts["joined"] += len(parts) - len(joined)
        return joined

    def _read_shape(self, shape: XmlElement, source: SourceFile) -> Part | None:
        """Return an annotation; what cannot be shown is entered."""
        line = shape.line
        if shape.tag in NO_AREAS:
            message = NO_AREAS[shape.tag]
            self._ledger.record(source, line, "excluded", "not-an-area", message)
            return None
        try:
            name, drawing = self._name_of(shape), read_drawing(shape)
        except ValueError as error:
            self._ledger.record(source, line, "dropped", "bad-annotation", str(error))
            return None
        if drawing.is_outside or shape.attributes.get("outside") == "1":
            message = "the object is outside, or all points of the skeleton are"
            self._ledger.record(source, line, "excluded", "outside", message)
            return None
        return self._to_part(drawing, name, line, shape)

    def _read_video(self, root: XmlElement, meta: CvatMeta, file: _CvatFile) -> None:
        """Read the tracks of each task, and the frames in which nothing is seen."""
        tasks: dict[str, list[XmlElement]] = {}
        for track in root.all("track"):
            tasks.setdefault(track.attributes.get("task_id", ""), []).append(track)
        for task_id, tracks in tasks.items():
            frames = self._check_steps(meta.frames_of(task_id), tracks)
            split, source = file.place_of(tracks[0].attributes.get("subset", "") or frames.subset)
            parts: dict[int, list[Part]] = {}
            for track in tracks:
                name = track.attributes.get("label", "").strip()
                for seen in self._tracks.read(track, source, frames) if name else ():
                    part = self._to_part(seen.drawing, name, seen.line, track)
                    parts.setdefault(seen.frame, []).append(part)
                if not name:
                    self._drop_track(track, source)
            parts = {frame: self._join(seen) for frame, seen in parts.items()}
            files = FrameFiles(source.image_roots, frames, in_order=self._in_order)
            self._add_frames(parts, frames, files, source, split)
            self._describe_video(meta, frames, files, file)

    def _add_frames(
        self,
        parts: dict[int, list[Part]],
        frames: TaskFrames,
        files: FrameFiles,
        source: SourceFile,
        split: str | None,
    ) -> None:
        """Add the frames that are annotated, and those without annotations that there are."""
        if self._options.labels_only:
            last = min(frames.stop if frames.stop is not None else -1, MAX_FRAME)
            known: Iterable[int] = range(frames.start, last + 1, frames.step)
        else:
            known = files.iter_found()
        self._facts["annotated"] += len(parts)
        for frame in sorted({*parts, *known}):
            found = None if self._options.labels_only else files.find(frame)
            if found is None and frame in parts:
                self._facts["missing"] += 1
            elif found is None and not self._options.labels_only:
                continue  # its name fits several files
            name = found or f"frame_{frame:06d}.PNG"
            width_px, height_px = frames.size_wh or (None, None)
            record = ImageRecord(name, width_px, height_px, split, None, source)
            self._images.append((record, parts.get(frame, [])))

    def _check_steps(self, frames: TaskFrames, tracks: Sequence[XmlElement]) -> TaskFrames:
        """Take the frames one by one where tracks do not keep to the step that meta states."""
        numbers = (child.attributes.get("frame", "") for one in tracks for child in one.children)
        steps = [int(text) - frames.start for text in numbers if text.isdecimal() and len(text) < 9]
        if frames.step > 1 and any(number % frames.step for number in steps):
            self._evidence[
                f"meta states step={frames.step}, and tracks have frames beside it: "
                "frames are taken one by one"
            ] = None
            return msgspec.structs.replace(frames, step=1)
        return frames

    def _drop_track(self, track: XmlElement, source: SourceFile) -> None:
        for child in track.children:
            if child.tag in AREAS or child.tag in NO_AREAS:
                self._ledger.see(1)
                message = "its track has no label"
                self._ledger.record(source, child.line, "dropped", "bad-annotation", message)

    def _name_of(self, element: XmlElement) -> str:
        name = element.attributes.get("label", "").strip()
        if not name:
            raise ValueError(f"the {element.tag} has no label")
        return name

    def _to_part(self, drawing: Drawing, name: str, line: int, element: XmlElement) -> Part:
        if drawing.names:
            self._points.setdefault(name, {}).update(dict.fromkeys(drawing.names))
        return to_part(drawing, name, line, group_of(element), self._options.task)

    def _to_rows(
        self, record: ImageRecord, parts: Iterable[Part], pose: PoseLayout | None
    ) -> ImageRows:
        rows = ImageRows(record)
        for part in parts:
            xyxy, remark = part.xyxy, None
            if part.shape is None and xyxy is None:
                xyxy, remark = part.box_of_points, BOX_OF_POINTS
            elif part.shape is not None and part.shape.kind == "rotated":
                xyxy = None  # the box around its corners
            keypoints = None if pose is None else order_points(part, pose.names)
            rows.add(
                part.label, part.place, xyxy, shape=part.shape, keypoints=keypoints, remark=remark
            )
        return rows

    def _describe_video(
        self, meta: CvatMeta, frames: TaskFrames, files: FrameFiles, file: _CvatFile
    ) -> None:
        stop = "the end" if frames.stop is None else f"{frames.stop}"
        files_are = "image files in their sorted order" if self._in_order else "frame_<number>"
        self._evidence[
            f"CVAT for video: frames {frames.start} to {stop} in steps of {frames.step}, their "
            f"images are {files_are} (--assume frame-files=by-number|sorted)"
        ] = None
        if self._videos_hint is None:
            video = next(iter((*file.videos(), *meta.videos)), "VIDEO")
            hint = f"export with images, or run: ffmpeg -i {video} -start_number 0 frame_%06d.png"
            if not self._in_order and files.names:
                hint += "; --assume frame-files=sorted if the images are the frames in that order"
            self._videos_hint = hint

    def _count_evidence(self) -> Iterator[str]:
        missing = self._facts["missing"]
        if missing and not self._options.labels_only:
            frames = counted(self._facts["annotated"], "annotated frame")
            yield (
                f"{share(missing, frames, 'has', 'have')} no image, since videos are not taken "
                f"apart here; {self._videos_hint}"
            )
        if self._facts["joined"]:
            yield (
                "shapes joined with one of the same label and group_id, as parts of one object: "
                f"{self._facts['joined']} (--assume group=join|separate)"
            )
        yield from self._tracks.describe()


class _CvatFile:
    """A file, and what the place where it lies says about its images."""

    def __init__(self, path: Path, layout: SourceLayout) -> None:
        self._path = path
        self._layout = layout
        self._places: dict[str, tuple[str | None, SourceFile]] = {}

    def place_of(self, subset: str) -> tuple[str | None, SourceFile]:
        """Return the split of a subset, and the file as its images refer to it.

        The split is the one that the subset is called after, else the file, else a folder above.
        """
        if subset not in self._places:
            split = split_from_name(subset) or self._layout.split_of(self._path, holds_set=True)
            roots = self._layout.subset_roots(self._path, subset)
            roots = roots or self._layout.image_roots(self._path, split)
            self._places[subset] = split, SourceFile(str(self._path), "line", roots)
        return self._places[subset]

    def videos(self) -> list[str]:
        """Return the videos beside the file."""
        suffixes = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"}
        names = sorted(path.name for path in self._path.parent.iterdir())
        return [name for name in names if name[name.rfind(".") :].lower() in suffixes]
