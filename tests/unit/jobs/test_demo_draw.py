"""Pixels: they show what the labels say."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from yolokit.core.types import U8
from yolokit.jobs.demo.draw import (
    MATERIALS,
    Camera,
    Lamp,
    draw_part,
    draw_scene,
    draw_views,
    take_picture,
)
from yolokit.jobs.demo.parts import DISTRACTORS
from yolokit.jobs.demo.plan import CLASS_SETS, DemoPlan, frame_window, split_scenes, video_scene
from yolokit.jobs.demo.rng import Rng
from yolokit.jobs.demo.scene import Scene, put_down
from yolokit.jobs.demo.shapes import Layer, PartKind, circle

KINDS = [kind for kinds in (*CLASS_SETS.values(), DISTRACTORS) for kind in kinds]
_SHADOW_REACH_PX = 40


def _draw(scene: Scene, look_key: tuple[int, ...]) -> U8:
    (picture,) = draw_views(scene, look_key, [(0, 0, *scene.wh_px)])
    return picture


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_box_is_tight_around_the_pixels_of_a_part(kind: PartKind) -> None:
    lamp = Lamp((0.6, 0.0, 0.8), shadow=0.0)
    for seed in range(4):
        rng = Rng(seed)
        part = put_down(
            kind, 0, kind.build(rng), size_px=kind.size_px[1], turn=rng.random(), flip=seed > 1
        )
        part = part.moved(130 + rng.random(), 130 + rng.random())
        black, white = np.zeros((260, 260, 3), np.float32), np.ones((260, 260, 3), np.float32)
        for canvas in (black, white):
            draw_part(canvas, part, lamp, np.random.default_rng(seed))
        covered = 1.0 - (white - black).mean(axis=2)
        rows, columns = np.nonzero(covered > 0.3)
        drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose(drawn, part.extent_px, atol=1.1)


def test_parts_change_the_belt_in_their_boxes_and_nowhere_else() -> None:
    plan = DemoPlan("belt", 3, 20, 0)
    scenes = list(islice(split_scenes(plan, "train"), 5))
    assert len(scenes) == 5
    for index, scene in enumerate(scenes):
        key = plan.look_key("train", index)
        empty = draw_scene(Scene(scene.wh_px, ()), key)
        differs = (np.abs(draw_scene(scene, key) - empty) > 1e-3).any(axis=2)
        near = np.zeros_like(differs)
        for thing in scene.things:
            x1, y1, x2, y2 = (round(side) for side in thing.extent_px)
            assert differs[max(y1, 0) : y2, max(x1, 0) : x2].mean() > 0.3
            reach = _SHADOW_REACH_PX
            near[max(y1 - reach, 0) : y2 + reach, max(x1 - reach, 0) : x2 + reach] = True
        assert not (differs & ~near).any()


def test_a_part_over_the_edge_is_cut_off_there() -> None:
    kind = CLASS_SETS["belt"][3]
    part = put_down(kind, 3, kind.build(Rng(0)), size_px=60.0, turn=0.1, flip=False)
    lamp = Lamp((0.0, 0.6, 0.8), shadow=0.5)
    large, small = np.full((300, 300, 3), 5.0, np.float32), np.full((100, 100, 3), 5.0, np.float32)
    draw_part(large, part.moved(150, 150), lamp, np.random.default_rng(0))
    draw_part(small, part.moved(0, 50), lamp, np.random.default_rng(0))
    np.testing.assert_array_equal(small[:, 4:] < 4, large[100:200, 154:250] < 4)
    outside = np.ones((100, 100, 3), np.float32)
    draw_part(outside, part.moved(-300, -300), lamp, np.random.default_rng(0))
    assert (outside == 1.0).all()


@pytest.mark.parametrize("name", MATERIALS)
def test_a_dome_is_brightest_towards_the_lamp(name: str) -> None:
    kind = PartKind("dome", lambda _rng: (), (1.0, 1.0), (name,))
    shape = (Layer((circle(0.5),), rise=0.5, bevel=0.5),)
    dome = put_down(kind, 0, shape, size_px=60.0, turn=0.0, flip=False).moved(50, 50)
    canvas = np.zeros((100, 100, 3), np.float32)
    draw_part(canvas, dome, Lamp((0.6, 0.0, 0.8), shadow=0.5), np.random.default_rng(0))
    assert canvas[40:60, 60:75].mean() > canvas[40:60, 25:40].mean() > 0


def test_pictures_differ_by_key_and_repeat_by_key() -> None:
    plan = DemoPlan("belt", 0, 20, 0)
    scene = next(iter(split_scenes(plan, "val")))
    first = _draw(scene, (0, 0, 1, 0))
    assert first.shape == (360, 480, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, _draw(scene, (0, 0, 1, 0)))
    assert (first != _draw(scene, (0, 0, 1, 1))).mean() > 0.5


def test_pictures_are_exposed_well() -> None:
    plan = DemoPlan("belt", 0, 20, 0)
    scenes = list(split_scenes(plan, "train"))
    assert scenes
    for index, scene in enumerate(scenes):
        picture = _draw(scene, plan.look_key("train", index))
        assert 15 < picture.mean() < 190
        assert picture.std() > 5
        assert (picture == 255).mean() < 0.1


def test_noise_and_blur_come_from_the_camera() -> None:
    flat = np.full((48, 64, 3), 0.4, np.float32)
    gain = np.ones_like(flat)
    rng = np.random.default_rng(0)
    quiet = take_picture(flat, Camera(gain, blur_px=0.0, noise=0.0), rng)
    assert (quiet == 102).all()
    noisy = take_picture(flat, Camera(gain, blur_px=0.0, noise=0.02), rng)
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.15)
    edge = flat.copy()
    edge[:, 32:] = 0.1
    ramp = np.unique(take_picture(edge, Camera(gain, blur_px=0.8, noise=0.0), rng))
    assert len(ramp) > 2, "a sharp edge became a ramp"


def test_frames_show_the_belt_moving() -> None:
    plan = DemoPlan("belt", 0, 20, 6)
    windows = [frame_window(index) for index in range(plan.frames)]
    frames = list(draw_views(video_scene(plan), plan.look_key("video", 0), windows))
    assert len(frames) == 6
    shift_px = frame_window(5)[0]
    still = np.abs(frames[5].astype(int) - frames[0]).mean()
    moved = np.abs(frames[5][:, :-shift_px].astype(int) - frames[0][:, shift_px:]).mean()
    assert moved < still
