"""Pictures and video frames of scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.jobs.demo.belt import draw_belt
from yolokit.jobs.demo.camera import make_camera, take_picture
from yolokit.jobs.demo.material import Lamp, Studio
from yolokit.jobs.demo.plan import PICTURE_WH_PX, frame_window
from yolokit.jobs.demo.surface import draw_part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.jobs.demo.raster import F32, U8
    from yolokit.jobs.demo.scene import Scene

# Each has a random stream of its own, so that a scene without parts has the same belt and light.
_BELT, _PARTS, _CAMERA, _NOISE = 1, 2, 3, 4


def draw_picture(scene: Scene, look_key: tuple[int, ...]) -> U8:
    """Draw a scene as the camera sees it.

    Args:
        scene: What lies where.
        look_key: Seed of belt, light, materials and noise.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    canvas = draw_scene(scene, look_key)
    camera = make_camera(scene.wh_px, _stream(look_key, _CAMERA))
    return take_picture(canvas, camera, _stream(look_key, _NOISE))


def draw_frames(scene: Scene, look_key: tuple[int, ...], count: int) -> Iterator[U8]:
    """Yield frames of a video: the stretch of belt moves under one camera and one light.

    Args:
        scene: The whole stretch.
        look_key: Seed of belt, light, materials and noise.
        count: Number of frames.

    Yields:
        (H, W, 3) uint8 BGR of the picture's size.
    """
    stretch = draw_scene(scene, look_key)
    camera = make_camera(PICTURE_WH_PX, _stream(look_key, _CAMERA))
    noise = _stream(look_key, _NOISE)
    for index in range(count):
        left, top, right, bottom = frame_window(index)
        yield take_picture(stretch[top:bottom, left:right], camera, noise)


def draw_scene(scene: Scene, look_key: tuple[int, ...]) -> F32:
    """Draw the belt and everything on it in the light of one lamp, before the camera.

    Args:
        scene: Where everything lies.
        look_key: Seed of the look; the belt is the same for a scene without parts.

    Returns:
        (H, W, 3) float32 BGR, 1 is white.
    """
    canvas = draw_belt(scene.wh_px, _stream(look_key, _BELT))
    rng = _stream(look_key, _PARTS)
    studio = Studio(_hang_lamp(rng))
    for thing in scene.things:
        draw_part(canvas, thing, studio, rng)
    return canvas


def _stream(look_key: tuple[int, ...], number: int) -> np.random.Generator:
    return np.random.default_rng([*look_key, number])


def _hang_lamp(rng: np.random.Generator) -> Lamp:
    turn = rng.uniform(0, 2 * np.pi)
    height = rng.uniform(0.9, 1.8)
    length = float(np.sqrt(1 + height * height))
    towards = (float(np.cos(turn)) / length, float(np.sin(turn)) / length, height / length)
    return Lamp(towards, shadow=rng.uniform(0.45, 0.75))
