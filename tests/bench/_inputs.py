"""What the prediction benchmarks run on: plain ultralytics exports, images and clips.

All of it is made here, nothing is downloaded. Models have random weights: their speed is that
of trained ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from yolokit.core.privacy import TELEMETRY_VARIABLE, engine_variables

if TYPE_CHECKING:
    import argparse

    from yolokit.core.types import U8

_EXPORT = """
import shutil, sys
from ultralytics import YOLO
name, out = sys.argv[1:]
YOLO(f"{name}.yaml").save(f"{name}.pt")
shutil.move(YOLO(f"{name}.pt").export(format="onnx", imgsz=640), out)
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that the prediction benchmarks share."""
    parser.add_argument("--arch", default="yolo11n", help="architecture to export and run")
    parser.add_argument("--model", type=Path, help="an ONNX file to run instead")
    parser.add_argument("--provider", default="cpu", choices=("cpu", "openvino"))
    parser.add_argument("--precision", default="fp32", help="what the provider computes in")


def program(name: str) -> str:
    """Return the path of a command beside the interpreter that runs this benchmark."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise SystemExit(f"{name} is not installed beside {sys.executable}")
    return found


def upstream_env(folder: Path) -> dict[str, str]:
    """Return the environment that keeps ultralytics from the network and from the home folder."""
    settings = folder / "settings"
    settings.mkdir(exist_ok=True)
    return {TELEMETRY_VARIABLE: "1"} | engine_variables(settings)


def get_model(options: argparse.Namespace, folder: Path) -> Path:
    """Return the ONNX file to measure: the given one, or a fresh plain ultralytics export."""
    if options.model is not None:
        return Path(options.model).resolve()
    out = folder / f"{options.arch}.onnx"
    print(f"exporting {options.arch} ...", file=sys.stderr)
    subprocess.run(
        [sys.executable, "-c", _EXPORT, options.arch, str(out)],
        check=True,
        cwd=folder,
        env=os.environ | upstream_env(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return out


def last_number(text: str) -> float:
    """Return the number that a side printed last."""
    return float(text.rsplit(maxsplit=1)[-1])


def draw_image(index: int, image_wh: tuple[int, int]) -> U8:
    """Draw discs on a textured ground: about as hard to encode as a photograph."""
    rng = np.random.default_rng(index)
    width, height = image_wh
    ground = rng.integers(90, 160, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    image = cv2.resize(ground, image_wh, interpolation=cv2.INTER_CUBIC)
    for _ in range(25):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        color = tuple(int(level) for level in rng.integers(0, 256, 3))
        cv2.circle(image, centre, int(rng.integers(8, height // 8)), color, cv2.FILLED)
    noise = rng.integers(0, 12, image.shape, np.uint8)
    return cv2.add(image, noise)  # type: ignore[return-value]


def write_images(folder: Path, count: int, image_wh: tuple[int, int] = (640, 480)) -> Path:
    """Write JPEG files and return their folder."""
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f"{index:04d}.jpg"), draw_image(index, image_wh))
    return folder


def write_clip(
    path: Path, count: int, image_wh: tuple[int, int], picture: Path | None = None
) -> Path:
    """Write an H.264 clip of 30 frames a second: a view that pans over one picture."""
    import av
    from av.video.frame import VideoFrame

    width, height = image_wh
    wide = draw_image(0, (width + 240, height)) if picture is None else _widen(picture, image_wh)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(count):
            left = abs(240 - index % 480)
            view = np.ascontiguousarray(wide[:, left : left + width])
            frame = VideoFrame.from_ndarray(view, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _widen(picture: Path, image_wh: tuple[int, int]) -> U8:
    """Return a picture as wide as the views of a clip need, cut to their height."""
    width, height = image_wh
    image = cv2.imread(str(picture))
    assert image is not None, picture
    scale = max((width + 240) / image.shape[1], height / image.shape[0])
    scaled = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(scaled[:height, : width + 240], np.uint8)
