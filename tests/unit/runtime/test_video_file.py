"""Video files: true time stamps, upright frames, and nothing lost in silence."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.core.types import Frame, FrameError
from yolokit.errors import DataError
from yolokit.runtime.video_file import VideoFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_video(
    path: Path,
    *,
    stamps: Sequence[int] = range(12),
    time_base: Fraction = Fraction(1, 10),
    rotation: int = 0,
    options: dict[str, str] | None = None,
) -> str:
    """A clip of 64x32 px: grey levels ascend; the top left corner of each frame is white."""
    import av
    from av.video.frame import VideoFrame

    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        stream.codec_context.time_base = time_base
        if rotation:
            stream.set_display_rotation(rotation)
        for index, pts in enumerate(stamps):
            image = np.full((32, 64, 3), 10 * index % 200, np.uint8)
            image[:8, :8] = 255
            frame = VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = pts, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


def read(uri: str) -> tuple[list[Frame], list[FrameError]]:
    found = list(VideoFile.open(uri))
    assert [frame.index for frame in found] == list(range(len(found)))
    return (
        [frame for frame in found if isinstance(frame, Frame)],
        [frame for frame in found if isinstance(frame, FrameError)],
    )


def test_all_frames_in_the_order_they_are_shown(tmp_path: Path) -> None:
    video = VideoFile.open(write_video(tmp_path / "a.mp4"))
    assert video.count == 12
    assert video.fps == 10
    frames, errors = read(video.uri)
    assert errors == []
    levels = [int(frame.bgr[20, 40, 0]) for frame in frames]
    np.testing.assert_allclose(levels, np.arange(12) * 10, atol=6)
    assert [frame.pts_s for frame in frames] == [pytest.approx(i / 10) for i in range(12)]


def test_uneven_time_stamps_are_kept(tmp_path: Path) -> None:
    stamps = [100, 140, 141, 300, 1000, 1017]
    uri = write_video(tmp_path / "a.mkv", stamps=stamps, time_base=Fraction(1, 1000))
    frames, _ = read(uri)
    assert [frame.pts_s for frame in frames] == [pytest.approx(s / 1000) for s in stamps]


@pytest.mark.parametrize(
    ("rotation", "shape", "corner"),
    [
        (0, (32, 64), (2, 2)),
        (90, (64, 32), (61, 2)),
        (180, (32, 64), (29, 61)),
        (270, (64, 32), (2, 29)),
    ],
)
def test_frames_are_upright(
    tmp_path: Path, rotation: int, shape: tuple[int, int], corner: tuple[int, int]
) -> None:
    frames, _ = read(write_video(tmp_path / "a.mp4", rotation=rotation))
    assert frames[0].bgr.shape[:2] == shape
    assert frames[0].bgr[corner].min() > 200
    assert frames[0].bgr[16, 16].max() < 50


def test_a_file_that_ends_early_says_so(tmp_path: Path) -> None:
    uri = write_video(tmp_path / "a.mp4", stamps=range(100), options={"movflags": "+faststart"})
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(content[: -len(content) // 3])
    frames, errors = read(uri)
    assert 0 < len(frames) < 100
    assert "the file ends early" in errors[-1].message
    assert "of its 100 frames" in errors[-1].message


@pytest.mark.parametrize(("damaged", "lost"), [(0, 12), (5, 1)])
def test_damaged_frames_are_all_reported(tmp_path: Path, damaged: int, lost: int) -> None:
    import av

    uri = write_video(tmp_path / "a.mp4")
    with av.open(uri) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][damaged]
        position, size = packet.pos, packet.size
    assert position is not None
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    content[position : position + size] = bytes(size)
    (tmp_path / "a.mp4").write_bytes(content)
    frames, errors = read(uri)
    assert (len(frames), len(errors)) == (12 - lost, lost)
    assert "cannot be decoded" in errors[0].message


def test_a_video_without_a_frame(tmp_path: Path) -> None:
    uri = write_video(tmp_path / "a.mkv")
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(content[:600])
    frames, errors = read(uri)
    assert frames == []
    assert [error.message for error in errors] == ["the video has no frame"]


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(DataError, match="cannot be opened as a video"):
        VideoFile.open(str(tmp_path / "a.mp4"))


def test_sound_alone(tmp_path: Path) -> None:
    import wave

    path = tmp_path / "a.mkv"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    with pytest.raises(DataError, match="no video stream"):
        VideoFile.open(str(path))
