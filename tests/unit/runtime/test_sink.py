"""Outputs: names of their own, videos that browsers play, records that say everything."""

from __future__ import annotations

import errno
import json
import os
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.core.types import Detections, Frame, FrameError
from yolokit.errors import ConfigError, DataError, InferenceError
from yolokit.images.files import read_image
from yolokit.runtime.manifest import ModelHead
from yolokit.runtime.sink import OutputNames, Picture, open_sinks
from yolokit.runtime.sinks.jsonl import encode_record, make_record
from yolokit.runtime.sinks.video import Mp4Writer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


def head(*names: str) -> ModelHead:
    return ModelHead(output_name="output0", layout="raw", names=names)


FOUND = Detections(
    np.array([[1.00049, 2, 20.5, 15], [0, 0, 3, 3]], np.float32),
    np.array([0.75, 0.1234567], np.float32),
    np.array([1, 0], np.int64),
)


@dataclass
class Source:
    root: Path
    uri: str = ""
    fps: Fraction | None = None
    time_base: Fraction | None = None
    count: int | None = None
    is_live: bool = False
    remarks: tuple[str, ...] = ()

    def __iter__(self) -> Generator[Frame | FrameError]:
        yield from ()


def picture(name: Path | str, pts_s: float | None = None, index: int = 0) -> Frame:
    return Frame(np.full((30, 40, 3), 90, np.uint8), index, pts_s, str(name))


class _NoEncoder:
    """A container of an FFmpeg that was built without x264."""

    def add_stream(self, name: str, **_options: object) -> None:
        raise ValueError(name)

    def close(self) -> None:
        pass


def stamps_of(path: Path) -> list[float]:
    import av

    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]  # type: ignore[operator]


class TestNames:
    def test_collisions_are_numbered(self, tmp_path: Path) -> None:
        names = OutputNames(tmp_path)
        claimed = [names.claim("a/b.png") for _ in range(3)]
        assert [p.relative_to(tmp_path).as_posix() for p in claimed] == [
            "a/b.png",
            "a/b-2.png",
            "a/b-3.png",
        ]
        assert (tmp_path / "a").is_dir()

    def test_names_differ_by_more_than_case(self, tmp_path: Path) -> None:
        names = OutputNames(tmp_path)
        assert names.claim("A.png").name == "A.png"
        assert names.claim("a.png").name == "a-2.png"

    def test_a_number_that_is_taken_is_skipped(self, tmp_path: Path) -> None:
        names = OutputNames(tmp_path)
        assert [names.claim(n).name for n in ("a-2.png", "a.png", "a.png")] == [
            "a-2.png",
            "a.png",
            "a-3.png",
        ]

    def test_a_file_and_a_folder_of_one_name(self, tmp_path: Path) -> None:
        names = OutputNames(tmp_path)
        claimed = [names.claim(n) for n in ("x.jpg", "x.jpg/y.png", "x.jpg/z.png", "d/e.png", "d")]
        for path in claimed:
            path.touch(exist_ok=False)
        assert [p.relative_to(tmp_path).as_posix() for p in claimed] == [
            *["x.jpg", "x-2.jpg/y.png", "x-2.jpg/z.png", "d/e.png", "d-2"]
        ]

    @pytest.mark.parametrize(
        "name",
        ["x" * 300 + ".jpg", "é" * 200 + ".png", "x" * 255, "a." + "b" * 300, "x" * 252 + ".ts"],
    )
    def test_a_name_that_is_too_long_keeps_its_suffix(self, tmp_path: Path, name: str) -> None:
        names = OutputNames(tmp_path)
        claimed = [names.claim(f"{name}/{name}") for _ in range(3)]
        for path in claimed:
            path.touch(exist_ok=False)
        if len(Path(name).suffix) < 9:
            assert {path.suffix for path in claimed} == {Path(name).suffix}

    @pytest.mark.skipif(sys.platform == "win32", reason="names are UTF-16 there")
    def test_a_name_that_is_not_utf8_is_spelled(self, tmp_path: Path) -> None:
        claimed = OutputNames(tmp_path).claim("d\udce9/caf\udce9.jpg")
        assert claimed == tmp_path / r"d\xe9" / r"caf\xe9.jpg"

    def test_a_folder_of_ones_own(self, tmp_path: Path) -> None:
        names = OutputNames(tmp_path)
        assert [names.claim_folder("a/x") for _ in range(2)] == ["a/x", "a/x-2"]
        assert names.claim("a/x").relative_to(tmp_path).as_posix() == "a/x-3"

    @pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a/../../x.png", "..\\x.png"])
    def test_nothing_climbs_out(self, tmp_path: Path, name: str) -> None:
        assert OutputNames(tmp_path).claim(name) == tmp_path / "x.png"


class TestRecord:
    def test_of_an_image(self) -> None:
        record = make_record(picture("a.png"), FOUND, head("nut", "bolt"))
        assert record == {
            "source": "a.png",
            "index": 0,
            "width_px": 40,
            "height_px": 30,
            "detections": [
                {"xyxy": [1.0, 2.0, 20.5, 15.0], "score": 0.75, "class_id": 1, "name": "bolt"},
                {"xyxy": [0.0, 0.0, 3.0, 3.0], "score": 0.123457, "class_id": 0, "name": "nut"},
            ],
            "error": None,
        }

    def test_of_a_frame(self) -> None:
        record = make_record(picture("a.mp4", 0.5, 12), Detections.empty(), head("nut"))
        assert (record["index"], record["pts_s"]) == (12, 0.5)

    def test_of_a_failure(self) -> None:
        record = make_record(FrameError(3, "a.png", "damaged"), Detections.empty(), head("nut"))
        assert record == {
            "source": "a.png",
            "index": 3,
            "width_px": None,
            "height_px": None,
            "detections": [],
            "error": "damaged",
        }

    def test_of_a_picture_and_what_must_be_known(self) -> None:
        frame = replace(picture("caf\udce9.tif"), note="it has 3 pages: only the first is read")
        record = make_record(frame, FOUND, head("nut", "bolt"), Picture("images/a.tif"))
        assert record["source"] == r"caf\xe9.tif"
        assert record["picture"] == "images/a.tif"
        assert record["notes"] == [
            "the file's name is not UTF-8",
            "it has 3 pages: only the first is read",
        ]
        failed = make_record(picture("a.png"), FOUND, head("nut", "bolt"), Picture(problem="no: x"))
        assert failed["notes"] == ["no: x"]
        assert "picture" not in failed
        assert json.loads(encode_record(record)) == record

    def test_one_line_of_json(self) -> None:
        record = make_record(picture("螺\n母.png"), FOUND, head("nut", "bölt"))
        line = encode_record(record)
        assert line.count(b"\n") == 1
        assert json.loads(line) == record


class TestImages:
    def write(self, folder: Path, source: Source, frames: Sequence[Frame | FrameError]) -> set[str]:
        with open_sinks(["images"], folder, head("nut", "bolt")) as sinks:
            sinks[0].begin(source)
            for frame in frames:
                sinks[0].write(frame, FOUND)
        return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}

    def test_names_below_the_root_are_kept(self, tmp_path: Path) -> None:
        root = tmp_path / "in"
        frames: list[Frame | FrameError] = [
            picture(root / "a.png"),
            picture(root / "d" / "b.gif"),
            FrameError(2, "c", "x"),
        ]
        assert self.write(tmp_path / "out", Source(root), frames) == {
            "images/a.png",
            "images/d/b.jpg",
        }
        drawn = read_image(tmp_path / "out" / "images" / "a.png")
        assert drawn.shape == (30, 40, 3)
        assert (drawn != 90).any()

    def test_an_input_from_elsewhere_keeps_its_name(self, tmp_path: Path) -> None:
        frames = [picture(tmp_path / "far" / "away" / "a.png")]
        assert self.write(tmp_path / "out", Source(tmp_path / "list"), frames) == {"images/a.png"}

    def test_frames_of_a_video_have_a_folder_of_their_own(self, tmp_path: Path) -> None:
        frames = [picture("x/clip.mp4", 0.5, 12)]
        assert self.write(tmp_path, Source(Path("x")), frames) == {"images/clip/000012.jpg"}

    def test_frames_of_videos_of_one_name_are_kept_apart(self, tmp_path: Path) -> None:
        with open_sinks(["images"], tmp_path, head("nut", "bolt")) as [sink]:
            for name in ("x/clip.mp4", "x/clip.avi", "x/y/clip.mp4"):
                sink.begin(Source(Path("x")))
                made = [sink.write(picture(name, 0.1 * i, i), FOUND) for i in range(2)]
        assert made == [Picture(f"images/y/clip/00000{index}.jpg") for index in range(2)]
        found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.jpg")}
        assert found == {
            f"images/{folder}/00000{index}.jpg"
            for folder in ("clip", "clip-2", "y/clip")
            for index in range(2)
        }

    def test_what_is_too_wide_for_its_format_becomes_png(self, tmp_path: Path) -> None:
        wide = Frame(np.zeros((2, 65_501, 3), np.uint8), 0, None, str(tmp_path / "in/a.ppm"))
        assert self.write(tmp_path / "out", Source(tmp_path / "in"), [wide]) == {"images/a.png"}

    def test_one_that_cannot_be_written_is_an_error_of_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(number: int) -> Any:
            def open_(*_args: object, **_options: object) -> Any:
                raise OSError(number, os.strerror(number))

            return open_

        with open_sinks(["images"], tmp_path, head("nut", "bolt")) as [sink]:
            sink.begin(Source(tmp_path))
            monkeypatch.setattr(Path, "open", fail(errno.EACCES))
            with pytest.raises(DataError, match="cannot be written: Permission denied"):
                sink.write(picture(tmp_path / "a.png"), FOUND)
            monkeypatch.setattr(Path, "open", fail(errno.ENOSPC))
            with pytest.raises(OSError, match="No space left"):
                sink.write(picture(tmp_path / "b.png"), FOUND)


class TestVideo:
    def write(
        self,
        path: Path,
        stamps_s: Sequence[float],
        *,
        image_wh: tuple[int, int] = (64, 48),
        time_base: Fraction = Fraction(1, 1000),
    ) -> Any:
        """Write grey frames, then return (pts in s, frames as BGR, codec context)."""
        import av

        writer = Mp4Writer(path, image_wh, fps=Fraction(10), time_base=time_base)
        for index, pts_s in enumerate(stamps_s):
            level = 60 + 10 * index
            writer.write(np.full((image_wh[1], image_wh[0], 3), level, np.uint8), pts_s)
        writer.close()
        with av.open(str(path)) as container:
            frames = [
                (float(f.pts * f.time_base), f.to_ndarray(format="bgr24"))
                for f in container.decode(video=0)
                if f.pts is not None and f.time_base is not None
            ]
            context = container.streams.video[0].codec_context
            return frames, (context.name, context.pix_fmt, context.width, context.height)

    def test_uneven_time_stamps_are_the_sources_own(self, tmp_path: Path) -> None:
        stamps_s = [0.1, 0.14, 0.141, 0.3, 1.0, 1.017]
        frames, _ = self.write(tmp_path / "a.mp4", stamps_s)
        assert [pts_s for pts_s, _ in frames] == pytest.approx(stamps_s, abs=1e-9)

    def test_thirds_are_exact(self, tmp_path: Path) -> None:
        stamps_s = [index * 1001 / 30000 for index in range(20)]
        frames, _ = self.write(tmp_path / "a.mp4", stamps_s, time_base=Fraction(1, 30000))
        assert [pts_s for pts_s, _ in frames] == pytest.approx(stamps_s, abs=1e-9)

    def test_stamps_that_repeat_are_moved_by_one_tick(self, tmp_path: Path) -> None:
        frames, _ = self.write(tmp_path / "a.mp4", [0.0, 0.1, 0.1, 0.05])
        assert [round(pts_s, 4) for pts_s, _ in frames] == [0.0, 0.1, 0.101, 0.102]

    @pytest.mark.parametrize(("start_s", "expected_s"), [(0.25, 0.25), (36000.5, 0.0), (-0.5, 0.0)])
    def test_a_clock_that_starts_late_is_set_back(
        self, tmp_path: Path, start_s: float, expected_s: float
    ) -> None:
        import av

        source = Source(tmp_path, fps=Fraction(10), time_base=Fraction(1, 90_000))
        with open_sinks(["video"], tmp_path, head("nut", "bolt")) as sinks:
            sinks[0].begin(source)
            for index in range(3):
                sinks[0].write(picture("a.ts", start_s + index / 10, index), FOUND)
        with av.open(str(tmp_path / "a.mp4")) as container:
            stamps_s = [float(f.pts * f.time_base) for f in container.decode(video=0)]  # type: ignore[operator]
        assert stamps_s == pytest.approx([expected_s + index / 10 for index in range(3)], abs=1e-4)

    def test_a_format_that_browsers_play(self, tmp_path: Path) -> None:
        _, stored = self.write(tmp_path / "a.mp4", [0.0, 0.1])
        assert stored == ("h264", "yuv420p", 64, 48)
        content = (tmp_path / "a.mp4").read_bytes()
        assert content.index(b"moov") < content.index(b"mdat")

    def test_grey_stays_grey(self, tmp_path: Path) -> None:
        frames, _ = self.write(tmp_path / "a.mp4", [0.0, 0.1, 0.2])
        assert len(frames) == 3
        for index, (_, bgr) in enumerate(frames):
            assert np.abs(bgr.astype(int) - (60 + 10 * index)).max() <= 2

    @pytest.mark.parametrize("image_wh", [(64, 48), (64, 50), (62, 48), (62, 50), (61, 49)])
    def test_colours_stay_in_their_places(self, tmp_path: Path, image_wh: tuple[int, int]) -> None:
        import av

        width, height = image_wh
        bgr = np.zeros((height, width, 3), np.uint8)
        bgr[:, : width // 2], bgr[:, width // 2 :] = (200, 60, 30), (30, 160, 220)
        bgr[: height // 2] //= 2
        writer = Mp4Writer(tmp_path / "a.mp4", image_wh, fps=Fraction(8), time_base=Fraction(1, 8))
        writer.write(bgr, 0.0)
        writer.close()
        with av.open(str(tmp_path / "a.mp4")) as container:
            shown = next(container.decode(video=0)).to_ndarray(format="bgr24")
        assert shown.shape[:2] == (height + height % 2, width + width % 2)
        assert np.abs(shown[:height, :width].astype(int) - bgr).mean() < 4

    def test_odd_sides_are_continued(self, tmp_path: Path) -> None:
        frames, stored = self.write(tmp_path / "a.mp4", [0.0, 0.1], image_wh=(33, 47))
        assert stored[2:] == (34, 48)
        assert np.abs(frames[0][1].astype(int) - 60).max() <= 2

    def test_a_frame_of_another_size_is_fitted_between_borders(self, tmp_path: Path) -> None:
        import av

        writer = Mp4Writer(
            tmp_path / "a.mp4", (64, 48), fps=Fraction(10), time_base=Fraction(1, 10)
        )
        for number, wh in enumerate([(64, 48), (24, 48), (300, 100)]):
            writer.write(np.full((wh[1], wh[0], 3), 200, np.uint8), number / 10)
        writer.close()
        with av.open(str(tmp_path / "a.mp4")) as container:
            frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        bright = [(frame > 120).nonzero() for frame in frames]
        sizes = [(np.ptp(columns) + 1, np.ptp(rows) + 1) for rows, columns in bright]
        assert np.abs(np.array(sizes) - [(64, 48), (24, 48), (64, 21)]).max() <= 1

    def test_pixels_that_are_not_square_stay_so(self, tmp_path: Path) -> None:
        import av

        source = Source(tmp_path, fps=Fraction(10), time_base=Fraction(1, 10))
        with open_sinks(["video"], tmp_path, head("nut", "bolt")) as sinks:
            sinks[0].begin(source)
            frame = replace(picture("a.ts", 0.0), pixel_aspect=Fraction(16, 11))
            sinks[0].write(frame, FOUND)
        with av.open(str(tmp_path / "a.mp4")) as container:
            assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)
            assert container.streams.video[0].width == 40

    @pytest.mark.parametrize("image_wh", [(16_500, 32), (32, 16_500)])
    def test_what_is_too_large_for_h264_is_scaled_down(
        self, tmp_path: Path, image_wh: tuple[int, int]
    ) -> None:
        _, stored = self.write(tmp_path / "a.mp4", [0.0, 0.1], image_wh=image_wh)
        assert max(stored[2:]) == 16_384

    @pytest.mark.parametrize(
        "fps", [Fraction(1, 10**7), Fraction(10**10, 3), Fraction(123456789, 1000003)]
    )
    @pytest.mark.parametrize("time_base", [Fraction(1, 2**32), Fraction(1, 10**9), Fraction(1, 10)])
    def test_rates_and_clocks_of_any_size(
        self, tmp_path: Path, fps: Fraction, time_base: Fraction
    ) -> None:
        writer = Mp4Writer(tmp_path / "a.mp4", (64, 48), fps=fps, time_base=time_base)
        for pts_s in (0.0, 0.1, 20_000.0, 20_000.1):
            writer.write(np.zeros((48, 64, 3), np.uint8), pts_s)
        writer.close()
        assert stamps_of(tmp_path / "a.mp4") == pytest.approx([0, 0.1, 20_000, 20_000.1], abs=1e-4)

    def test_one_that_cannot_be_encoded_costs_no_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_args: object) -> None:
            raise DataError("the encoder failed: Generic error in an external library")

        source = Source(tmp_path, fps=Fraction(10), time_base=Fraction(1, 10))
        with open_sinks(["video"], tmp_path, head("nut", "bolt")) as [sink]:
            sink.begin(source)
            with monkeypatch.context() as broken:
                broken.setattr(Mp4Writer, "write", fail)
                for _ in range(2):
                    with pytest.raises(DataError, match="the video cannot be written: the encoder"):
                        sink.write(picture("a.mp4", 0.0), FOUND)
            sink.begin(source)
            assert sink.write(picture("b.mp4", 0.0), FOUND) == Picture("b.mp4")
        assert [path.name for path in tmp_path.iterdir()] == ["b.mp4"]

    def test_videos_of_one_name_are_kept_apart(self, tmp_path: Path) -> None:
        source = Source(tmp_path, fps=Fraction(10), time_base=Fraction(1, 10))
        made = []
        with open_sinks(["video"], tmp_path, head("nut", "bolt")) as [sink]:
            for name in ("a/x.mp4", "b/x.mp4", "a/x.avi"):
                sink.begin(source)
                made.append(sink.write(picture(tmp_path / name, 0.0), FOUND))
        assert made == [Picture("x.mp4"), Picture("x-2.mp4"), Picture("x-3.mp4")]
        assert len(list(tmp_path.glob("x*.mp4"))) == 3

    def test_without_an_encoder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("av.open", lambda *_args, **_options: _NoEncoder())
        with pytest.raises(InferenceError, match=r"writes no H\.264: libx264"):
            Mp4Writer(tmp_path / "a.mp4", (64, 48), fps=Fraction(10), time_base=Fraction(1, 10))

    def test_still_images_pass_by(self, tmp_path: Path) -> None:
        with open_sinks(["video"], tmp_path, head("nut", "bolt")) as sinks:
            sinks[0].begin(Source(tmp_path))
            sinks[0].write(picture("a.png"), FOUND)
        assert list(tmp_path.iterdir()) == []


def test_an_unknown_output(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="did you mean 'video'"),
        open_sinks(["vidoe"], tmp_path, head("nut")),
    ):
        raise AssertionError("not reached")
