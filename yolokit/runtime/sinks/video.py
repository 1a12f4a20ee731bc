"""Annotated H.264 video in MP4 that a browser plays, with the source's own time stamps.

Only where those start later than at 1 s are they counted from the first frame.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from yolokit.core.types import Frame, FrameError
from yolokit.errors import InferenceError
from yolokit.runtime.draw import draw_detections
from yolokit.runtime.sink import OutputNames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from yolokit.core.types import U8, Detections
    from yolokit.runtime.source import FrameSource

# The cores are busy with inference. On annotated 1080p this takes 13 ms of CPU time a frame at
# 47.3 dB and 34 kB; veryfast at crf 20 takes 47 ms at 46.9 dB and 18 kB, MJPG 10 ms and 55 kB.
_X264 = {"preset": "ultrafast", "crf": "23"}

# The clock of a broadcast stream may start at any hour; a browser would show nothing until then.
_LATEST_START_S = 1.0


def takes(source: FrameSource) -> bool:
    """Only what has a frame rate becomes a video."""
    return source.fps is not None


def open(folder: Path, classes: Sequence[str]) -> AnnotatedVideo:  # noqa: A001 - as in every sink
    """Return a sink that writes ``folder/<name of the source>.mp4``."""
    return AnnotatedVideo(folder, classes)


class AnnotatedVideo:
    """Writes one MP4 file for every video source; still images pass by."""

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self._names = OutputNames(folder)
        self._classes = classes
        self._source: FrameSource | None = None
        self._writer: Mp4Writer | None = None
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

    def write(self, frame: Frame | FrameError, detections: Detections) -> None:
        """Append one annotated frame; a FrameError leaves its moment to the frame before."""
        if self._source is None or isinstance(frame, FrameError) or frame.pts_s is None:
            return
        if self._writer is None:
            path = self._names.claim(f"{Path(frame.source).stem}.mp4")
            self._writer = Mp4Writer(
                path,
                frame.image_wh,
                fps=self._source.fps or Fraction(25),
                time_base=self._source.time_base or Fraction(1, 90_000),
            )
            self._origin_s = frame.pts_s if frame.pts_s > _LATEST_START_S else 0.0
        drawn = draw_detections(frame.bgr, detections, self._classes)
        self._writer.write(drawn, frame.pts_s - self._origin_s)

    def _finish(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


class Mp4Writer:
    """Encodes BGR frames as H.264, playable from the first bytes on.

    Args:
        path: The ``.mp4`` file to write.
        image_wh: Width and height in px; an odd one is continued by one row or column, since
            4:2:0 chroma needs even sides.
        fps: Nominal frame rate; the time stamps are those that ``write`` is given.
        time_base: Unit of the time stamps in s.

    Raises:
        InferenceError: The installed FFmpeg has no H.264 encoder.
    """

    def __init__(
        self, path: Path, image_wh: tuple[int, int], *, fps: Fraction, time_base: Fraction
    ) -> None:
        import av

        self._time_base = time_base
        self._even_wh = (image_wh[0] + image_wh[0] % 2, image_wh[1] + image_wh[1] % 2)
        self._last_pts: int | None = None
        self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
        try:
            self._stream: Any = self._container.add_stream("libx264", rate=fps, options=_X264)
        except ValueError as error:
            self._container.close()
            raise InferenceError(f"this build of FFmpeg writes no H.264: {error}") from error
        self._stream.width, self._stream.height = self._even_wh
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = time_base
        self._stream.codec_context.color_range = 1  # limited
        self._stream.codec_context.colorspace = 6  # BT.601, what cv2.cvtColor computes
        for key in ("color_primaries", "color_trc"):
            setattr(self._stream.codec_context, key, 1)  # BT.709, as sRGB has it

    def write(self, bgr: U8, pts_s: float) -> None:
        """Append a frame that is shown from ``pts_s`` on.

        Raises:
            InferenceError: The encoder failed.
        """
        import cv2
        from av.video.frame import VideoFrame

        # OpenCV rounds where FFmpeg's scaler truncates, which would tint grey; and it is faster.
        planes = cast("U8", cv2.cvtColor(self._fit(bgr), cv2.COLOR_BGR2YUV_I420))
        frame = VideoFrame.from_numpy_buffer(planes, format="yuv420p")
        frame.pts, frame.time_base = self._next_pts(pts_s), self._time_base
        self._mux(frame)

    def close(self) -> None:
        """Write what the encoder still holds, and the index.

        Raises:
            InferenceError: The encoder failed.
        """
        try:
            self._mux(None)
        finally:
            self._container.close()

    def discard(self) -> None:
        """Release the file without completing it."""
        self._container.close()

    def _mux(self, frame: Any) -> None:
        from av.error import FFmpegError

        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            raise InferenceError(f"the video encoder failed: {error.strerror}") from error

    def _next_pts(self, pts_s: float) -> int:
        """Return the stamp in units of the time base; a video's stamps must ascend."""
        pts = round(pts_s / self._time_base)
        if self._last_pts is not None:
            pts = max(pts, self._last_pts + 1)
        self._last_pts = pts
        return pts

    def _fit(self, bgr: U8) -> U8:
        """Return a frame with the video's own even size."""
        import cv2

        width, height = self._even_wh
        if bgr.shape[:2] == (height, width):
            return bgr
        missing = (height - bgr.shape[0], width - bgr.shape[1])
        if missing[0] in (0, 1) and missing[1] in (0, 1):
            return np.pad(bgr, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        return cv2.resize(bgr, self._even_wh)  # type: ignore[return-value]
