"""Annotated H.264 video in MP4 that a browser plays, with the source's own time stamps.

Only where those start below 0, which players hide, or later than at 1 s are they counted from the
first frame. Pixels that are not square stay so: boxes are drawn in the pixels of the source.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from yolokit.core.types import Frame, FrameError, Letterbox
from yolokit.errors import DataError, InferenceError
from yolokit.images.files import is_lasting
from yolokit.runtime.sink import OutputNames, Picture
from yolokit.runtime.tasks.toolkit import load_task

if TYPE_CHECKING:
    from typing import Self

    from yolokit.core.types import U8, Detections
    from yolokit.runtime.manifest import ModelHead
    from yolokit.runtime.source import FrameSource

# The cores are busy with inference. On annotated 1080p this takes 13 ms of CPU time a frame at
# 47.3 dB and 34 kB; veryfast at crf 20 takes 47 ms at 46.9 dB and 18 kB, MJPG 10 ms and 55 kB.
_X264 = {"preset": "ultrafast", "crf": "23"}

# The clock of a broadcast stream may start at any hour; a browser would show nothing until then.
_LATEST_START_S = 1.0

_LONGEST_PX = 16_384  # of a side that x264 takes
_FINEST_TIME_BASE = Fraction(1, 90_000)  # with a finer one MP4 holds no pause of some hours
_FPS_LIMITS = (Fraction(1, 1000), Fraction(1000))  # of a nominal rate that x264 takes


def takes(source: FrameSource) -> bool:
    """Only what has a frame rate becomes a video."""
    return source.fps is not None


class AnnotatedVideo:
    """Writes ``folder/<name of the source>.mp4`` for every video; still images pass by."""

    draws = True

    def __init__(self, folder: Path, head: ModelHead) -> None:
        self._folder = folder
        self._names = OutputNames(folder)
        self._task = load_task(head.task)
        self._classes = head.names
        self._source: FrameSource | None = None
        self._writer: Mp4Writer | None = None
        self._problem: str | None = None
        self._origin_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, *_exc_info: object) -> None:
        if exc_type is None:
            self._finish()
        elif self._writer is not None:
            self._writer.discard()

    def begin(self, source: FrameSource) -> None:
        """Finish the video of the source before."""
        self._finish()
        self._source = source
        self._problem = None

    def draw(self, frame: Frame, detections: Detections) -> U8:
        """Return the annotated frame, (H, W, 3) uint8 BGR."""
        return self._task.draw(frame.bgr, detections, self._classes)

    def write(
        self,
        frame: Frame | FrameError,
        detections: Detections,
        _picture: Picture | None = None,
        drawn: U8 | None = None,
    ) -> Picture | None:
        """Append one annotated frame; a FrameError leaves its moment to the frame before.

        Raises:
            DataError: The video cannot be written; from then on every frame of it says so.
        """
        if self._source is None or isinstance(frame, FrameError) or frame.pts_s is None:
            return None
        if self._problem is not None:
            raise DataError(self._problem)
        try:
            writer = self._writer = self._writer or self._open(self._source, frame)
            bgr = self.draw(frame, detections) if drawn is None else drawn
            writer.write(bgr, frame.pts_s - self._origin_s)
        except DataError as error:
            self._problem = f"the video cannot be written: {error.message}"
            if self._writer is not None:
                self._writer.discard()
                self._writer = None
            raise DataError(self._problem, path=error.path) from error
        return Picture(writer.path.relative_to(self._folder).as_posix())

    def _open(self, source: FrameSource, frame: Frame) -> Mp4Writer:
        assert frame.pts_s is not None, "only what has a time becomes a video"
        is_usual = 0 <= frame.pts_s <= _LATEST_START_S
        self._origin_s = 0.0 if is_usual else frame.pts_s
        return Mp4Writer(
            self._names.claim(f"{Path(frame.source).stem}.mp4"),
            frame.image_wh,
            fps=source.fps or Fraction(25),
            time_base=source.time_base or _FINEST_TIME_BASE,
            pixel_aspect=frame.pixel_aspect,
        )

    def _finish(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


open = AnnotatedVideo  # noqa: A001 - as in every sink


class Mp4Writer:
    """Encodes BGR frames as H.264, playable from the first bytes on.

    Args:
        path: The ``.mp4`` file to write.
        image_wh: Width and height in px; an odd one is continued by one row or column, since
            4:2:0 chroma needs even sides, and what is too large for H.264 is scaled down.
        fps: Nominal frame rate; the time stamps are those that ``write`` is given.
        time_base: Unit of the time stamps in s; a finer one than 1/90,000 becomes that.
        pixel_aspect: Width of a pixel over its height, as a player is to show it.

    Raises:
        InferenceError: The installed FFmpeg has no H.264 encoder.
        DataError: The file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        image_wh: tuple[int, int],
        *,
        fps: Fraction,
        time_base: Fraction,
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        import av
        from av.error import FFmpegError

        self.path = path
        self._time_base = max(time_base, _FINEST_TIME_BASE)
        self._even_wh = _even_size(image_wh)
        self._last_pts: int | None = None
        self._has_frames = False
        rate = min(max(fps, _FPS_LIMITS[0]), _FPS_LIMITS[1]).limit_denominator(100_000)
        try:
            self._container = av.open(f"file:{path}", "w", options={"movflags": "+faststart"})
        except FFmpegError as error:
            raise _failure(error, path) from error
        try:
            self._stream: Any = self._container.add_stream("libx264", rate=rate, options=_X264)
        except ValueError as error:
            self._container.close()
            raise InferenceError(f"this build of FFmpeg writes no H.264: {error}") from error
        self._stream.width, self._stream.height = self._even_wh
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = self._time_base
        context.sample_aspect_ratio = pixel_aspect.limit_denominator(255)
        context.color_range = 1  # limited
        context.colorspace = 6  # BT.601, what cv2.cvtColor computes
        for key in ("color_primaries", "color_trc"):
            setattr(context, key, 1)  # BT.709, as sRGB has it

    def write(self, bgr: U8, pts_s: float) -> None:
        """Append a frame that is shown from ``pts_s`` on.

        Raises:
            DataError: The encoder failed, or the file cannot be written.
            OSError: Nothing more can be written at all: the disk is full, say.
        """
        import cv2
        from av.video.frame import VideoFrame

        # OpenCV rounds where FFmpeg's scaler truncates, which would tint grey; and it is faster.
        planes = cast("U8", cv2.cvtColor(self._fit(bgr), cv2.COLOR_BGR2YUV_I420))
        # Without a copy PyAV 18 takes a height of 4n + 2 for 4n, and colours from a wrong place.
        is_copied = self._even_wh[1] % 4 != 0
        make = VideoFrame.from_ndarray if is_copied else VideoFrame.from_numpy_buffer
        frame = make(planes, format="yuv420p")
        frame.pts, frame.time_base = self._next_pts(pts_s), self._time_base
        self._mux(frame)

    def close(self) -> None:
        """Write what the encoder still holds, and the index.

        Raises:
            DataError: The encoder failed, or the file cannot be written.
            OSError: Nothing more can be written at all.
        """
        from av.error import FFmpegError

        try:
            self._mux(None)
        finally:
            try:
                self._container.close()
            except FFmpegError as error:
                raise _failure(error, self.path) from error

    def discard(self) -> None:
        """Release the file without completing it; one that has no frame yet is removed."""
        from av.error import FFmpegError

        with contextlib.suppress(FFmpegError):  # whoever discards has an error already
            self._container.close()
        if not self._has_frames:
            self.path.unlink(missing_ok=True)

    def _mux(self, frame: Any) -> None:
        from av.error import FFmpegError

        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            raise _failure(error, self.path) from error
        self._has_frames = True

    def _next_pts(self, pts_s: float) -> int:
        """Return the stamp in units of the time base; a video's stamps must ascend."""
        pts = round(pts_s / self._time_base)
        if self._last_pts is not None:
            pts = max(pts, self._last_pts + 1)
        self._last_pts = pts
        return pts

    def _fit(self, bgr: U8) -> U8:
        """Return a frame with the video's own even size; one of another shape gets borders."""
        import cv2

        width, height = self._even_wh
        if bgr.shape[:2] == (height, width):
            return bgr
        missing = (height - bgr.shape[0], width - bgr.shape[1])
        if missing[0] in (0, 1) and missing[1] in (0, 1):
            return np.pad(bgr, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        place = Letterbox.fit((bgr.shape[1], bgr.shape[0]), self._even_wh)
        (left, top), (inner_w, inner_h) = place.pad_xy, place.resized_wh
        fitted = np.zeros((height, width, 3), np.uint8)
        resized = cv2.resize(bgr, place.resized_wh, interpolation=cv2.INTER_AREA)
        fitted[top : top + inner_h, left : left + inner_w] = resized
        return fitted


def _even_size(image_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a video for frames of a size, in px."""
    if max(image_wh) > _LONGEST_PX:
        image_wh = Letterbox.fit(image_wh, (_LONGEST_PX, _LONGEST_PX)).resized_wh
    return image_wh[0] + image_wh[0] % 2, image_wh[1] + image_wh[1] % 2


def _failure(error: Any, path: Path) -> Exception:
    """Return what FFmpeg's failure to write means for this video, or for all that follows."""
    if is_lasting(error):
        return OSError(error.errno, error.strerror, str(path))
    return DataError(f"the encoder failed: {error.strerror}", path=path)
