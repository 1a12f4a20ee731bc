"""Video files: true time stamps, upright frames, and nothing lost in silence."""

from __future__ import annotations

import gc
import struct
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.unit.images.test_orientation import MATRICES, matrix_of
from yolokit.core.gc import collector_paused
from yolokit.core.types import Frame, FrameError
from yolokit.errors import DataError
from yolokit.images.orientation import is_transposed, turn_upright
from yolokit.runtime.video import decode as video_decode
from yolokit.runtime.video.file import Clock, VideoFile

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_video(
    path: Path,
    *,
    stamps: Sequence[int] = range(12),
    time_base: Fraction = Fraction(1, 10),
    matrix: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    codec: str = "libx264",
    codec_options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
    image_wh: tuple[int, int] = (64, 32),
) -> str:
    """A clip of grey levels that ascend; the top left corner of each frame is white."""
    import av
    from av.video.frame import VideoFrame

    with av.open(str(path), "w", options=options or {}) as container:
        quality = {"crf": "5"} if codec == "libx264" else {}
        stream: Any = container.add_stream(codec, rate=10, options=quality | (codec_options or {}))
        stream.width, stream.height = image_wh
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = time_base
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for index, pts in enumerate(stamps):
            image = np.full((image_wh[1], image_wh[0], 3), 10 * index % 200, np.uint8)
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


def test_a_frame_that_is_done_with_is_freed_at_once(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", stamps=range(30))
    gc.collect()
    with collector_paused():
        assert len(list(VideoFile.open(path))) == 30
        assert gc.collect() < 10, "one in a cycle keeps its pixels until the collector comes by"


def test_uneven_time_stamps_are_kept(tmp_path: Path) -> None:
    stamps = [100, 140, 141, 300, 1000, 1017]
    uri = write_video(tmp_path / "a.mkv", stamps=stamps, time_base=Fraction(1, 1000))
    frames, _ = read(uri)
    assert [frame.pts_s for frame in frames] == [pytest.approx(s / 1000) for s in stamps]


@pytest.mark.parametrize("orientation", MATRICES)
def test_frames_are_upright_mirrored_ones_too(tmp_path: Path, orientation: int) -> None:
    aspect = Fraction(4, 3)
    uri = write_video(tmp_path / "a.mp4", matrix=matrix_of(orientation), pixel_aspect=aspect)
    frames, _ = read(uri)
    stored = np.zeros((32, 64, 3), np.uint8)
    stored[:8, :8] = 255
    expected = turn_upright(stored, orientation)
    assert frames[0].bgr.shape == expected.shape
    assert np.abs(frames[0].bgr.astype(int) - expected).max() < 60
    assert frames[0].pixel_aspect == (1 / aspect if is_transposed(orientation) else aspect)


def test_joined_recordings_go_on_where_the_first_ends(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / f"{start}.ts", stamps=range(start, start + 12))
        for start in (0, 36_000)  # an hour between two clocks
    ]
    for name, (first, second) in {"leap": parts, "back": parts[::-1]}.items():
        joined = tmp_path / f"{name}.ts"
        joined.write_bytes(Path(first).read_bytes() + Path(second).read_bytes())
        frames, errors = read(str(joined))
        stamps_s = [frame.pts_s for frame in frames if frame.pts_s is not None]
        assert errors == []
        assert np.diff(stamps_s) == pytest.approx([0.1] * 23, abs=1e-6)


def test_frames_of_an_avi_have_the_stamps_they_are_stored_with(tmp_path: Path) -> None:
    options = {"bf": "2", "g": "12"}
    frames, _ = read(write_video(tmp_path / "a.avi", codec_options=options))
    assert [frame.pts_s for frame in frames] == [pytest.approx(i / 10) for i in range(12)]


def test_an_avi_with_dropped_frames_is_whole(tmp_path: Path) -> None:
    uri = write_video(tmp_path / "a.avi", codec="mjpeg", stamps=[0, 1, 2, 5, 6, 11])
    assert VideoFile.open(uri).count == 12
    frames, errors = read(uri)
    assert errors == []
    assert [frame.pts_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.5, 0.6, 1.1])


FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
SIBLINGS: dict[str, dict[str, Any]] = {
    "plain.mp4": {"options": {"movflags": "+faststart"}},
    "fragmented.mp4": {"options": FRAGMENTED},
    "a.mkv": {},
    "live.mkv": {"options": {"live": "1"}},
    "a.webm": {"codec": "libvpx", "codec_options": {"auto-alt-ref": "1", "lag-in-frames": "16"}},
    "a.avi": {"codec": "mjpeg"},
    "a.flv": {},
    "a.ogv": {"codec": "libvpx"},
    "fields.ts": {"codec_options": {"flags": "+ildct+ilme"}},
}


@pytest.mark.parametrize("name", SIBLINGS)
def test_a_whole_file_has_no_error(tmp_path: Path, name: str) -> None:
    frames, errors = read(write_video(tmp_path / name, stamps=range(50), **SIBLINGS[name]))
    assert (len(frames), errors) == (50, [])


@pytest.mark.parametrize("name", [name for name in SIBLINGS if not name.endswith(".ts")])
@pytest.mark.parametrize("share", [0.5, 0.7])
def test_a_file_that_was_cut_says_so_in_the_end(tmp_path: Path, name: str, share: float) -> None:
    options = SIBLINGS[name] | {
        "codec_options": {"g": "10", **SIBLINGS[name].get("codec_options", {})}
    }
    uri = write_video(tmp_path / name, stamps=range(50), **options)
    content = Path(uri).read_bytes()
    Path(uri).write_bytes(content[: int(len(content) * share)])
    frames, errors = read(uri)
    assert 0 < len(frames) < 50
    assert "the file ends early" in errors[-1].message
    assert errors[-1].index == len(frames) + len(errors) - 1


def test_of_joined_mp4_files_the_rest_is_told(tmp_path: Path) -> None:
    content = Path(write_video(tmp_path / "a.mp4")).read_bytes()
    joined = tmp_path / "joined.mp4"
    joined.write_bytes(content + content)
    video = VideoFile.open(str(joined))
    assert len(list(video)) == 12
    assert video.remarks == (f"{joined}: it has 2 movies, one after the other: the first is read",)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_the_frames_of_a_cut_video_do_not_depend_on_cores(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = write_video(tmp_path / "a.mp4", stamps=range(50), options=FRAGMENTED)
    content = Path(uri).read_bytes()
    Path(uri).write_bytes(content[: len(content) - len(content) // 20])
    alone = [type(item) for item in video_decode._decode(Path(uri), threads=1)]
    monkeypatch.setattr(video_decode, "_ALL_CORES", threads)
    assert [type(item) for item in video_decode.decode_frames(Path(uri))] == alone
    assert str in alone


def test_a_whole_recording_that_states_too_long_a_duration(tmp_path: Path) -> None:
    uri = write_video(tmp_path / "a.mkv")
    content = bytearray(Path(uri).read_bytes())
    at = content.index(b"\x44\x89\x88")  # Duration, a float of 8 bytes, in ms
    content[at + 3 : at + 11] = struct.pack(">d", 3_600_000.0)
    Path(uri).write_bytes(content)
    assert read(uri)[1] == []


def test_damage_in_the_middle_costs_no_frame_that_is_whole(tmp_path: Path) -> None:
    import av

    uri = write_video(tmp_path / "a.mp4", stamps=range(60), codec_options={"g": "1"})
    with av.open(uri) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][30]
        position, size = packet.pos, packet.size
    assert position is not None
    content = bytearray(Path(uri).read_bytes())
    content[position : position + size] = bytes(size)
    Path(uri).write_bytes(content)
    frames, errors = read(uri)
    assert [error.index for error in errors] == [30]
    assert [frame.index for frame in frames] == [*range(30), *range(31, 60)]


def test_a_second_stream_is_told(tmp_path: Path) -> None:
    import av
    from av.video.frame import VideoFrame

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=10) for _ in range(2)]
        for index, stream in enumerate(streams):
            stream.width, stream.height, stream.pix_fmt = 64 << index, 32, "yuv420p"
        for stream in streams:
            frame = VideoFrame.from_ndarray(np.zeros((32, stream.width, 3), np.uint8), "bgr24")
            frame.pts, frame.time_base = 0, Fraction(1, 10)
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    video = VideoFile.open(str(path))
    assert video.remarks == (f"{path}: it has 2 video streams: the first is read",)
    assert [frame.image_wh for frame in video if isinstance(frame, Frame)] == [(64, 32)]


def test_titles_in_other_encodings_do_not_matter(tmp_path: Path) -> None:
    uri = write_video(tmp_path / "a.mkv", options={"metadata_header_padding": "0"})
    content = Path(uri).read_bytes()
    assert content.count(b"Lavf")
    Path(uri).write_bytes(content.replace(b"Lavf", b"\xc4\xd6\xdc\xdf"))
    assert len(read(uri)[0]) == 12


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
@pytest.mark.parametrize("name", ["cam-1:00.mp4", "http:x.mp4", "caf\udce9.mp4"])
def test_odd_names_are_names_of_files(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(read(name)[0]) == 12


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


def tell_times(*stamps: int | None, frame: int = 10, leap: int = 1000) -> list[int]:
    clock = Clock(frame, leap)
    return [clock.tell(pts) for pts in stamps]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ((0, 10, 20), [0, 10, 20]),
        ((7, 11, 400, 1390), [7, 11, 400, 1390]),  # uneven, with a pause
        ((-20, -10, 0), [-20, -10, 0]),
        ((None, None, None), [0, 10, 20]),
        ((5, None, None, 40), [5, 15, 25, 40]),
        ((100, 110, 120, 100, 110), [100, 110, 120, 120, 120]),  # jitter
        ((100, 110, 120, 0, 10, 20), [100, 110, 120, 130, 140, 150]),  # joined
        ((100, 110, 9000, 9010), [100, 110, 120, 130]),  # the clock was set
        ((100, 110, 9000, 9010, 0, 10), [100, 110, 120, 130, 140, 150]),
        ((8580, 8590, 0, 10), [8580, 8590, 8600, 8610]),  # wrapped
    ],
)
def test_times_ascend_where_stamps_lack_go_back_or_leap(
    stamps: tuple[int | None, ...], expected: list[int]
) -> None:
    assert tell_times(*stamps) == expected
