"""Which pictures a demo has and what is on each: all that its labels depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.suggest import describe_unknown
from yolokit.errors import ConfigError
from yolokit.jobs.demo.parts import BELT
from yolokit.jobs.demo.pretrain_parts import PRETRAIN
from yolokit.jobs.demo.rng import Rng
from yolokit.jobs.demo.scene import Dealer, Scene, build_scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.jobs.demo.shapes import PartKind

CLASS_SETS: dict[str, tuple[PartKind, ...]] = {"belt": BELT, "pretrain": PRETRAIN}
ZOOMS = {"belt": (0.8, 1.3), "pretrain": (0.65, 1.7)}
SPLITS = ("train", "val", "test")
PICTURE_WH_PX = (480, 360)
VIDEO_FPS = 25
BELT_PX_PER_FRAME = 4
MIN_IMAGES, MAX_IMAGES = 20, 100_000
MAX_VIDEO_S = 120.0

_VAL_SHARE, _TEST_SHARE = 0.10, 0.15
_BACKGROUND_EVERY, _BACKGROUND_AT = 12, 1  # the 2nd, 14th, ... picture of a split is empty
_VIDEO_STREAM = len(SPLITS)
_DEALER = MAX_IMAGES + 1  # an index that no picture has


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What was asked for, checked.

    Attributes:
        classes: Name of the class set.
        seed: Equal seeds give equal labels, on every machine.
        images: Pictures in all splits together.
        frames: Frames of the video; 0 for none.
    """

    classes: str
    seed: int
    images: int
    frames: int

    @property
    def kinds(self) -> tuple[PartKind, ...]:
        """Classes in label order."""
        return CLASS_SETS[self.classes]

    @property
    def split_sizes(self) -> dict[str, int]:
        """Pictures in each split."""
        val = max(round(self.images * _VAL_SHARE), 1)
        test = max(round(self.images * _TEST_SHARE), 1)
        return {"train": self.images - val - test, "val": val, "test": test}

    def look_key(self, stream: str, index: int) -> tuple[int, ...]:
        """Return the seed of a picture's look; ``stream`` is a split or ``video``."""
        number = SPLITS.index(stream) if stream in SPLITS else _VIDEO_STREAM
        return (self.seed, list(CLASS_SETS).index(self.classes), number, index)


def make_plan(*, classes: str, seed: int, images: int, video_seconds: float) -> DemoPlan:
    """Check the options of a demo.

    Raises:
        ConfigError: With every mistake, before anything is written.
    """
    problems = []
    if classes not in CLASS_SETS:
        problems.append(describe_unknown("class set", classes, CLASS_SETS))
    if seed < 0:
        problems.append(f"seed must be 0 or more, not {seed}")
    if not MIN_IMAGES <= images <= MAX_IMAGES:
        problems.append(f"images must be from {MIN_IMAGES} to {MAX_IMAGES}, not {images}")
    if not 0 <= video_seconds <= MAX_VIDEO_S:
        problems.append(f"video-seconds must be from 0 to {MAX_VIDEO_S:g}, not {video_seconds:g}")
    if problems:
        count = counted(len(problems), "mistake")
        raise ConfigError(f"{count} in the options of data demo:", problems=problems)
    frames = max(round(video_seconds * VIDEO_FPS), 1) if video_seconds else 0
    return DemoPlan(classes, seed, images, frames)


def split_scenes(plan: DemoPlan, split: str) -> Iterator[Scene]:
    """Yield the scenes of a split; about one in twelve has no part."""
    dealer = Dealer(plan.kinds, Rng(*plan.look_key(split, _DEALER)))
    for index in range(plan.split_sizes[split]):
        rng = Rng(*plan.look_key(split, index))
        is_background = index % _BACKGROUND_EVERY == _BACKGROUND_AT
        yield build_scene(
            dealer,
            rng,
            wh_px=PICTURE_WH_PX,
            part_count=0 if is_background else rng.integer(2, 8),
            distractor_count=rng.pick((0, 0, 1, 1, 2, 3)),
            zoom=rng.uniform(*ZOOMS[plan.classes]),
        )


def video_scene(plan: DemoPlan) -> Scene:
    """Return the stretch of belt that passes under the camera during the video."""
    rng = Rng(*plan.look_key("video", 0))
    wide, high = PICTURE_WH_PX
    length = wide + BELT_PX_PER_FRAME * max(plan.frames - 1, 0)
    return build_scene(
        Dealer(plan.kinds, rng),
        rng,
        wh_px=(length, high),
        part_count=round(5.0 * length / wide),
        distractor_count=round(1.0 * length / wide),
        zoom=1.0,
    )


def frame_window(index: int) -> tuple[int, int, int, int]:
    """Return the part of the stretch that a frame shows, xyxy in scene px."""
    left = index * BELT_PX_PER_FRAME
    return (left, 0, left + PICTURE_WH_PX[0], PICTURE_WH_PX[1])
