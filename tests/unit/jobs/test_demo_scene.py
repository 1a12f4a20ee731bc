"""Scenes, visibility and labels."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from yolokit.errors import ConfigError
from yolokit.jobs.demo.parts import DISTRACTORS
from yolokit.jobs.demo.plan import (
    BELT_PX_PER_FRAME,
    CLASS_SETS,
    PICTURE_WH_PX,
    SPLITS,
    DemoPlan,
    frame_window,
    make_plan,
    split_scenes,
    video_scene,
)
from yolokit.jobs.demo.rng import Rng
from yolokit.jobs.demo.scene import (
    MIN_VISIBLE,
    Dealer,
    Placed,
    Scene,
    labels_of,
    put_down,
    visible_fraction,
)
from yolokit.jobs.demo.shapes import Layer, PartKind, box, circle

if TYPE_CHECKING:
    from yolokit.jobs.demo.shapes import Outline

KINDS = [kind for kinds in (*CLASS_SETS.values(), DISTRACTORS) for kind in kinds]


def _plan(classes: str = "belt", *, seed: int = 0, images: int = 40, frames: int = 0) -> DemoPlan:
    return DemoPlan(classes, seed, images, frames)


def _square(side_px: float, x: float, y: float, *, category: int | None = 0) -> Placed:
    """A square plate with its centre at (x, y)."""
    kind = PartKind("plate", lambda _rng: (), (1.0, 1.0), ("steel",))
    shape = (Layer((box(-0.5, -0.5, 0.5, 0.5),)),)
    return put_down(kind, category, shape, size_px=side_px, turn=0.0, flip=False).moved(x, y)


def _depth_px(outline: Outline, xy: tuple[float, float]) -> float:
    """How far a point lies inside an outline; negative outside."""
    return cv2.pointPolygonTest(outline.astype(np.float32), xy, measureDist=True)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_specimens_are_about_one_long_and_details_stay_on_them(kind: PartKind) -> None:
    for seed in range(12):
        shape = kind.build(Rng(seed))
        placed = put_down(kind, 0, shape, size_px=100.0, turn=0.0, flip=False)
        x1, y1, x2, y2 = placed.extent_px
        assert 55 < max(x2 - x1, y2 - y1) < 130
        assert len(placed.probes_px) >= 20
        solids = [placed.to_px(o) for low in shape if not low.detail for o in low.solids]
        for layer in shape:
            if layer.detail:
                for xy in placed.to_px(np.concatenate(layer.solids)).tolist():
                    assert max(_depth_px(outline, xy) for outline in solids) > -0.3


def test_the_two_class_sets_share_no_class() -> None:
    names = [{kind.name for kind in kinds} for kinds in CLASS_SETS.values()]
    assert not names[0] & names[1]
    assert len(names[0]) >= 3
    assert all(
        len(set_) == len(kinds) for set_, kinds in zip(names, CLASS_SETS.values(), strict=True)
    )


@pytest.mark.parametrize("classes", CLASS_SETS)
def test_labels_follow_from_the_seed_alone(classes: str) -> None:
    def labels(seed: int) -> list[object]:
        scenes = split_scenes(_plan(classes, seed=seed, images=20), "train")
        return [labels_of(scene) for scene in scenes]

    assert labels(4) == labels(4)
    assert labels(4) != labels(5)


def test_splits_and_class_sets_have_scenes_of_their_own() -> None:
    firsts = {
        (classes, split): str(labels_of(next(iter(split_scenes(_plan(classes), split)))))
        for classes in CLASS_SETS
        for split in SPLITS
    }
    assert len(set(firsts.values())) == len(firsts)


@pytest.mark.parametrize("classes", CLASS_SETS)
def test_boxes_lie_in_the_picture_in_hundredths(classes: str) -> None:
    wide, high = PICTURE_WH_PX
    labels = [one for scene in split_scenes(_plan(classes), "train") for one in labels_of(scene)]
    assert labels
    for label in labels:
        x1, y1, x2, y2 = label.xyxy_px
        assert 0 <= x1 < x2 <= wide
        assert 0 <= y1 < y2 <= high
        assert min(x2 - x1, y2 - y1) >= 4
        assert all(round(value, 2) == value for value in label.xyxy_px)


@pytest.mark.parametrize("images", [20, 40])
@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_every_class_of_the_belt(split: str, images: int) -> None:
    scenes = split_scenes(_plan(images=images), split)
    seen = Counter(label.category for scene in scenes for label in labels_of(scene))
    assert set(seen) == {0, 1, 2, 3}


def test_classes_come_equally_often_and_one_picture_in_twelve_is_empty() -> None:
    labels = [labels_of(scene) for scene in split_scenes(_plan(images=160), "train")]
    seen = Counter(label.category for picture in labels for label in picture)
    assert max(seen.values()) - min(seen.values()) <= 3
    assert sum(not picture for picture in labels) == len(labels) // 12
    assert max(map(len, labels)) <= 8


def test_a_dealer_deals_all_classes_before_any_again() -> None:
    dealer = Dealer(CLASS_SETS["belt"], Rng(0))
    for _ in range(3):
        hand = [dealer.deal() for _ in range(4)]
        assert {index for index, _ in hand} == {0, 1, 2, 3}
    dealer.take_back(*hand[0])
    assert dealer.deal() == hand[0]


def test_visible_fraction_counts_what_is_covered_and_what_is_outside() -> None:
    window = (0.0, 0.0, 200.0, 200.0)
    plate = _square(40, 100, 100)
    assert visible_fraction(plate, (), window) == 1.0
    assert visible_fraction(plate, (_square(40, 120, 100),), window) == 0.5
    assert visible_fraction(plate, (_square(40, 100, 100),), window) == 0.0
    assert visible_fraction(_square(40, 0, 100), (), window) == 0.5
    both = visible_fraction(_square(40, 0, 100), (_square(40, 0, 120),), window)
    assert both == 0.25


def test_one_sees_through_a_hole() -> None:
    shape = (Layer((circle(0.5),), (circle(0.3),)),)
    kind = PartKind("ring", lambda _rng: (), (1.0, 1.0), ("steel",))
    ring = put_down(kind, 1, shape, size_px=100, turn=0.0, flip=False).moved(100, 100)
    assert visible_fraction(_square(20, 100, 100), (ring,), (0, 0, 200, 200)) == 1.0


@pytest.mark.parametrize(
    ("x", "is_labelled"), [(-13.0, False), (-5.0, True), (0.0, True), (100.0, True)]
)
def test_a_part_is_labelled_from_a_quarter_in_the_picture(x: float, is_labelled: bool) -> None:
    assert MIN_VISIBLE == 0.25
    labels = labels_of(Scene((200, 100), (_square(40, x, 50),)))
    assert bool(labels) == is_labelled
    if is_labelled:
        assert labels[0].xyxy_px == (max(x - 20, 0.0), 30.0, x + 20, 70.0)


def test_a_covered_part_and_a_distractor_have_no_label() -> None:
    lower, upper = _square(20, 100, 50), _square(60, 100, 50, category=3)
    distractor = _square(20, 30, 50, category=None)
    labels = labels_of(Scene((200, 100), (distractor, lower, upper)))
    assert [(label.category, label.thing) for label in labels] == [(3, 2)]


def test_some_parts_overlap_and_each_stays_visible() -> None:
    overlaps = 0
    for scene in split_scenes(_plan(images=80), "train"):
        for index, thing in enumerate(scene.things):
            seen = visible_fraction(thing, scene.things[index + 1 :], (0, 0, *scene.wh_px))
            if thing.category is not None:
                assert seen >= 0.6
                overlaps += (
                    visible_fraction(thing, scene.things[index + 1 :], (-999, -999, 999, 999)) < 1
                )
    assert overlaps >= 5


def test_in_the_video_parts_enter_and_leave() -> None:
    plan = _plan(frames=250)
    scene = video_scene(plan)
    tracks: dict[int, list[tuple[int, tuple[float, ...]]]] = {}
    for frame in range(plan.frames):
        for label in labels_of(scene, frame_window(frame)):
            tracks.setdefault(label.thing, []).append((frame, label.xyxy_px))
    passing = [
        track for track in tracks.values() if track[0][0] > 0 and track[-1][0] < plan.frames - 1
    ]
    assert len(passing) >= 3
    for track in passing:
        assert track[0][1][2] == PICTURE_WH_PX[0]
        assert track[-1][1][0] == 0.0
        whole = [(f, b) for f, b in track if b[0] > 0 and b[2] < PICTURE_WH_PX[0]]
        for (f1, b1), (f2, b2) in pairwise(whole):
            assert b1[0] - b2[0] == pytest.approx((f2 - f1) * BELT_PX_PER_FRAME, abs=0.011)


def test_split_sizes_add_up() -> None:
    for images in (20, 33, 480, 1001):
        sizes = _plan(images=images).split_sizes
        assert sum(sizes.values()) == images
        assert min(sizes.values()) >= 2
    assert _plan(images=480).split_sizes == {"train": 360, "val": 48, "test": 72}


def test_every_mistake_of_the_options_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(classes="bel", seed=-1, images=3, video_seconds=float("nan"))
    assert len(caught.value.problems) == 4
    assert "did you mean 'belt'" in str(caught.value)
