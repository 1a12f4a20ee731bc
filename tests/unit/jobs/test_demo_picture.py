"""Pixels: they show what the labels say."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from yolokit.jobs.demo.camera import Camera, make_camera, take_picture
from yolokit.jobs.demo.dice import Dice
from yolokit.jobs.demo.litter import LITTER
from yolokit.jobs.demo.material import MATERIALS, Lamp, Studio
from yolokit.jobs.demo.picture import draw_frames, draw_picture, draw_scene
from yolokit.jobs.demo.plan import CLASS_SETS, DemoPlan, frame_window, split_scenes, video_scene
from yolokit.jobs.demo.scene import Scene, put_down
from yolokit.jobs.demo.shape import PartKind, shift
from yolokit.jobs.demo.surface import draw_part

KINDS = [kind for kinds in (*CLASS_SETS.values(), LITTER) for kind in kinds]
_SHADOW_REACH_PX = 40


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_box_is_tight_around_the_pixels_of_a_part(kind: PartKind) -> None:
    studio = Studio(Lamp((0.6, 0.0, 0.8), shadow=0.0))
    for seed in range(4):
        dice = Dice(seed)
        part = put_down(
            kind, 0, kind.build(dice), size_px=kind.size_px[1], turn=dice.random(), flip=seed > 1
        )
        part = shift(part, 130 + dice.random(), 130 + dice.random())
        black, white = np.zeros((260, 260, 3), np.float32), np.ones((260, 260, 3), np.float32)
        for canvas in (black, white):
            draw_part(canvas, part, studio, np.random.default_rng(seed))
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
    part = put_down(kind, 3, kind.build(Dice(0)), size_px=60.0, turn=0.1, flip=False)
    studio = Studio(Lamp((0.0, 0.6, 0.8), shadow=0.5))
    large = np.ones((300, 300, 3), np.float32)
    draw_part(large, shift(part, 150, 150), studio, np.random.default_rng(0))
    small = np.ones((100, 100, 3), np.float32)
    draw_part(small, shift(part, 0, 50), studio, np.random.default_rng(0))
    np.testing.assert_array_equal(small, large[100:200, 150:250])
    outside = np.ones((100, 100, 3), np.float32)
    draw_part(outside, shift(part, -300, -300), studio, np.random.default_rng(0))
    assert (outside == 1.0).all()


@pytest.mark.parametrize("name", MATERIALS)
def test_a_ball_is_brightest_towards_the_lamp(name: str) -> None:
    towards_right = Studio(Lamp((0.6, 0.0, 0.8), shadow=0.5)).balls(name, "blue")
    side = towards_right.shape[0]
    ball = towards_right[:, :side].mean(axis=2)
    assert towards_right.shape == (side, 4 * side, 3)
    assert ball[side // 2, side * 3 // 4] > ball[side // 2, side // 4]


def test_pictures_differ_by_key_and_repeat_by_key() -> None:
    plan = DemoPlan("belt", 0, 20, 0)
    scene = next(iter(split_scenes(plan, "val")))
    first = draw_picture(scene, (0, 0, 1, 0))
    assert first.shape == (360, 480, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, draw_picture(scene, (0, 0, 1, 0)))
    assert (first != draw_picture(scene, (0, 0, 1, 1))).mean() > 0.5


def test_pictures_are_exposed_well() -> None:
    plan = DemoPlan("belt", 0, 20, 0)
    scenes = list(split_scenes(plan, "train"))
    assert scenes
    for index, scene in enumerate(scenes):
        picture = draw_picture(scene, plan.look_key("train", index))
        assert 15 < picture.mean() < 190
        assert picture.std() > 5
        assert (picture == 255).mean() < 0.1


def test_noise_and_blur_come_from_the_camera() -> None:
    wh = (64, 48)
    flat = np.full((48, 64, 3), 0.4, np.float32)
    gain = np.ones_like(flat)
    rng = np.random.default_rng(0)
    quiet = take_picture(flat, Camera(gain, 0.0, 0, 0.0, 0.0), rng)
    assert (quiet == 102).all()
    noisy = take_picture(flat, Camera(gain, 0.0, 0, 0.0, 0.02), rng)
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.15)
    edge = flat.copy()
    edge[:, 32:] = 0.1
    for camera in (Camera(gain, 0.8, 0, 0.0, 0.0), Camera(gain, 0.0, 4, 0.0, 0.0)):
        steps = np.unique(take_picture(edge, camera, rng))
        assert len(steps) > 2, "a sharp edge became a ramp"
    assert make_camera(wh, rng).gain.shape == (48, 64, 3)


def test_frames_show_the_belt_moving() -> None:
    plan = DemoPlan("belt", 0, 20, 6)
    frames = list(draw_frames(video_scene(plan), plan.look_key("video", 0), plan.frames))
    assert len(frames) == 6
    shift_px = frame_window(5)[0]
    still = np.abs(frames[5].astype(int) - frames[0]).mean()
    moved = np.abs(frames[5][:, :-shift_px].astype(int) - frames[0][:, shift_px:]).mean()
    assert moved < still
