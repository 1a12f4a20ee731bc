"""Writes the demo: pictures, labels and the video, published as a whole or not at all."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from yolokit.errors import DataError
from yolokit.files.atomic import publish_folder
from yolokit.files.outputs import Held, Replacing, Result
from yolokit.images.files import write_image
from yolokit.jobs.demo.draw import draw_views
from yolokit.jobs.demo.ground_truth import (
    GROUND_TRUTH_NAME,
    LICENCE,
    VIDEO_NAME,
    command_of,
    encode_coco,
    encode_frame,
)
from yolokit.jobs.demo.plan import (
    CLASS_SETS,
    PICTURE_WH_PX,
    SPLITS,
    VIDEO_FPS,
    DemoPlan,
    frame_window,
    make_plan,
    split_scenes,
    video_scene,
)
from yolokit.jobs.demo.scene import labels_of
from yolokit.runtime.sinks.video import Mp4Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.jobs.demo.scene import Label

_FIRST_LINE = "Parts on a conveyor belt: a labelled data set that yolokit drew."


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was written: counts by split, of pictures, labelled parts, and pictures without any.

    The classes are in label order; ``video`` is None where none was asked for.
    """

    out: Path
    classes: tuple[str, ...]
    images: dict[str, int]
    parts: dict[str, int]
    backgrounds: dict[str, int]
    video: Path | None
    frames: int


def write_demo(
    out: Path,
    *,
    classes: str = "belt",
    seed: int = 0,
    images: int = 480,
    video_seconds: float = 8.0,
    overwrite: bool = False,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> DemoResult:
    """Draw a labelled data set of parts on a conveyor belt.

    ``out/images/{train,val,test}/*.jpg`` with ``out/annotations/{train,val,test}.json`` (COCO;
    file names are relative to ``out/images``), ``out/video/belt.mp4`` with ``belt.jsonl`` (one
    record a frame) and ``out/README.txt``. Labels are the same on every machine. Of the images
    75, 10 and 15 % go to train, val and test; a video of 0 s is none; a seed is 0 or more.
    ``on_progress`` gets the number of pictures and frames drawn so far.

    Raises:
        ConfigError: An option is out of range.
        OutputExistsError: ``out`` exists and is not an earlier demo that is to be replaced.
        DataError: The disk refused a file.
    """
    plan = make_plan(classes=classes, seed=seed, images=images, video_seconds=video_seconds)
    done = itertools.count(1)

    def step() -> None:
        on_progress(next(done))

    try:
        with publish_folder(out, Replacing(result=_RESULT, wanted=overwrite)) as folder:
            labels = {split: _write_split(folder, plan, split, step) for split in SPLITS}
            if plan.frames:
                _write_video(folder / "video", plan, step)
            (folder / "README.txt").write_text(_readme(plan), encoding="utf-8")
    except OSError as error:
        raise DataError(f"the demo could not be written: {error}", path=out) from error
    return DemoResult(
        out=out,
        classes=tuple(kind.name for kind in plan.kinds),
        images=plan.split_sizes,
        parts={split: sum(map(len, found)) for split, found in labels.items()},
        backgrounds={split: found.count([]) for split, found in labels.items()},
        video=out / "video" / VIDEO_NAME if plan.frames else None,
        frames=plan.frames,
    )


def _write_split(
    folder: Path, plan: DemoPlan, split: str, step: Callable[[], None]
) -> list[list[Label]]:
    """Draw the pictures of a split and write its labels; returns those of each picture."""
    (folder / "images" / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    first = 1 + sum(plan.split_sizes[earlier] for earlier in SPLITS[: SPLITS.index(split)])
    pictures: dict[str, list[Label]] = {}
    for index, scene in enumerate(split_scenes(plan, split)):
        name = f"{split}/{plan.classes}_{first + index:05d}.jpg"
        (picture,) = draw_views(scene, plan.look_key(split, index), [(0, 0, *scene.wh_px)])
        write_image(folder / "images" / name, picture)
        pictures[name] = labels_of(scene)
        step()
    (folder / "annotations" / f"{split}.json").write_bytes(encode_coco(plan, first, pictures))
    return list(pictures.values())


def _write_video(folder: Path, plan: DemoPlan, step: Callable[[], None]) -> None:
    """Write the video of the moving belt and the labels of each frame."""
    folder.mkdir()
    scene = video_scene(plan)
    windows = [frame_window(index) for index in range(plan.frames)]
    with (folder / GROUND_TRUTH_NAME).open("wb") as ground_truth:
        for index, window in enumerate(windows):
            ground_truth.write(encode_frame(plan, index, labels_of(scene, window)))
    frames = draw_views(scene, plan.look_key("video", 0), windows)
    fps = Fraction(VIDEO_FPS)
    writer = Mp4Writer(folder / VIDEO_NAME, PICTURE_WH_PX, fps=fps, time_base=1 / fps)
    with closing(writer):
        for index, bgr in enumerate(frames):
            writer.write(bgr, index / VIDEO_FPS)
            step()


def _recognise(folder: Path) -> list[Held] | None:
    readme = folder / "README.txt"
    if not readme.is_file():
        return None
    with readme.open("rb") as stream:
        if stream.readline(1000).strip() != _FIRST_LINE.encode():
            return None
    pictures = tuple(f"images/{split}/{name}_[0-9]*.jpg" for split in SPLITS for name in CLASS_SETS)
    labels = tuple(f"annotations/{split}.json" for split in SPLITS)
    video = (f"video/{VIDEO_NAME}", f"video/{GROUND_TRUTH_NAME}")
    return [Held(("readme.txt",), 1), Held(pictures), Held(labels), Held(video)]


_RESULT = Result(command="yolokit data demo", recognise=_recognise, options="--name or --out")


def _readme(plan: DemoPlan) -> str:
    names = ", ".join(kind.name for kind in plan.kinds)
    video = (
        "video/belt.mp4            the moving belt, H.264\n"
        "video/belt.jsonl          boxes of each frame, one line of JSON a frame\n"
        if plan.frames
        else ""
    )
    return (
        f"{_FIRST_LINE}\n\n"
        f"Command  {command_of(plan)}\n"
        f"Seed     {plan.seed}\n"
        f"Classes  {names}\n"
        f"Licence  {LICENCE}: no rights reserved\n\n"
        "images/<split>/*.jpg      pictures; about one in twelve shows no part\n"
        "annotations/<split>.json  COCO; file names are relative to images/\n"
        f"{video}\n"
        "The same seed gives the same labels on every machine; pixels may differ in the last\n"
        "bits between versions of OpenCV.\n"
    )
