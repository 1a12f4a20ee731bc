"""Every frame source that is discovered keeps the same promises."""

from __future__ import annotations

import contextlib
import importlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from yolokit.core.plugins import list_plugins
from yolokit.core.types import Frame, FrameError
from yolokit.errors import DataError
from yolokit.runtime.source import FrameSource, open_source

PACKAGE = "yolokit.runtime.sources"
SOURCES = list_plugins(PACKAGE)


def write_image(path: Path, level: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, content = cv2.imencode(path.suffix, np.full((6, 8, 3), level, np.uint8))
    content.tofile(path)
    return path


def write_video(path: Path, count: int = 5) -> Path:
    import av
    from av.video.frame import VideoFrame

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        for index in range(count):
            frame = VideoFrame.from_ndarray(
                np.full((16, 16, 3), 40 * index, np.uint8), format="bgr24"
            )
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sample_of(name: str, folder: Path) -> tuple[str, int]:
    """Something that this source reads, and how many frames it has. A new source adds a line."""
    if name == "image":
        return str(write_image(folder / "größe 螺母.png")), 1
    if name == "folder":
        write_image(folder / "set" / "a.jpg")
        write_image(folder / "set" / "deeper" / "b.png")
        return str(folder / "set"), 2
    if name == "pattern":
        for index in range(3):
            write_image(folder / f"p{index}.png")
        return str(folder / "p*.png"), 3
    if name == "list_file":
        write_image(folder / "a.png")
        (folder / "list.txt").write_text("a.png\n\nmissing.png\n", encoding="utf-8")
        return str(folder / "list.txt"), 2
    if name == "video":
        return str(write_video(folder / "clip.mp4")), 5
    raise AssertionError(f"no sample for the source {name!r}: add one here")


def frames_of(sources: list[FrameSource]) -> list[Frame | FrameError]:
    return [frame for source in sources for frame in source]


def open_sample(name: str, folder: Path) -> list[FrameSource]:
    sources = open_source(sample_of(name, folder)[0])
    assert sources, "what is said of each source is said of one at least"
    return sources


@pytest.fixture(params=SOURCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def plugin(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


def test_there_are_sources() -> None:
    assert {"image", "folder", "pattern", "list_file", "video"} <= set(SOURCES)


def test_exactly_one_source_matches(name: str, tmp_path: Path) -> None:
    uri, _ = sample_of(name, tmp_path)
    plugins = {other: importlib.import_module(f"{PACKAGE}.{other}") for other in SOURCES}
    assert [other for other, module in plugins.items() if module.matches(uri)] == [name]


def test_it_is_found_and_counts_right(name: str, tmp_path: Path) -> None:
    uri, count = sample_of(name, tmp_path)
    sources = open_source(uri)
    assert sum(source.count or 0 for source in sources) == count
    assert len(frames_of(sources)) == count


def test_indices_ascend_from_zero(name: str, tmp_path: Path) -> None:
    for source in open_sample(name, tmp_path):
        frames = list(source)
        assert frames
        assert [frame.index for frame in frames] == list(range(len(frames)))
        assert all(isinstance(frame, (Frame, FrameError)) for frame in frames)


def test_it_can_be_read_again(name: str, tmp_path: Path) -> None:
    sources = open_sample(name, tmp_path)
    first, second = frames_of(sources), frames_of(sources)
    assert first
    assert [(f.index, f.source) for f in first] == [(f.index, f.source) for f in second]


def test_time_is_for_videos_alone(name: str, tmp_path: Path) -> None:
    for source in open_sample(name, tmp_path):
        assert (source.fps is None) == (source.time_base is None)
        stamped = [frame.pts_s is not None for frame in source if isinstance(frame, Frame)]
        assert set(stamped) == {source.fps is not None}


def test_what_is_opened_is_released_when_it_stops_early(name: str, tmp_path: Path) -> None:
    for source in open_sample(name, tmp_path):
        with contextlib.closing(iter(source)) as frames:
            next(frames)
    for path in [p for p in tmp_path.rglob("*") if p.is_file()]:
        path.unlink()  # Windows refuses this for a file that is open


def test_names_of_outputs_can_be_relative_to_the_root(name: str, tmp_path: Path) -> None:
    for source in open_sample(name, tmp_path):
        frames = list(source)
        assert frames
        assert all(Path(frame.source).is_relative_to(source.root) for frame in frames)


def test_something_missing_is_an_error_at_once(name: str, plugin: Any, tmp_path: Path) -> None:
    uri, _ = sample_of(name, tmp_path)
    wrong = uri.replace(str(tmp_path), str(tmp_path / "nowhere"))
    with pytest.raises(DataError) as caught:
        open_source(wrong)
    assert caught.value.exit_code == 3
    assert "nowhere" in str(caught.value)


def test_an_address_is_no_file(plugin: Any) -> None:
    assert not plugin.matches("rtsp://camera/clip.mp4")
    assert not plugin.matches("http://host/list.txt")
    assert not plugin.matches("http://host/*.png")
