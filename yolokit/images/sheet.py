"""Pictures to be looked at: scaled to fit, as JPEG for a report, many of them on one sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from yolokit.core.types import Letterbox
from yolokit.images.files import read_image, write_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.core.types import U8

_COLUMNS = 4
_CELL_WH_PX = (400, 300)
_GAP_PX = 8
_PAPER = 245


def scale_to_fit(bgr: U8, fit_wh: tuple[int, int], *, enlarge: bool = False) -> U8:
    """Scale a picture (H, W, 3) down to fit width and height in px; up only with ``enlarge``."""
    import cv2

    image_wh = (bgr.shape[1], bgr.shape[0])
    if image_wh[0] <= fit_wh[0] and image_wh[1] <= fit_wh[1] and not enlarge:
        return bgr
    resized_wh = Letterbox.fit(image_wh, fit_wh).resized_wh
    return cast("U8", cv2.resize(bgr, resized_wh, interpolation=cv2.INTER_AREA))


def encode_jpeg(bgr: U8, *, fit_wh: tuple[int, int] = (640, 640), quality: int = 82) -> bytes:
    """Return a picture (H, W, 3) as the bytes of a JPEG file that is at most ``fit_wh`` px."""
    import cv2

    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    _, content = cv2.imencode(".jpg", scale_to_fit(bgr, fit_wh), settings)
    return content.tobytes()


def make_sheet(pictures: Sequence[U8]) -> U8:
    """Lay pictures out in rows on one page, each centred in its cell, to be seen at a glance."""
    rows, columns = -(-len(pictures) // _COLUMNS), min(_COLUMNS, len(pictures))
    step_x, step_y = _CELL_WH_PX[0] + _GAP_PX, _CELL_WH_PX[1] + _GAP_PX
    shape = (rows * step_y + _GAP_PX, columns * step_x + _GAP_PX, 3)
    sheet: U8 = np.full(shape, _PAPER, np.uint8)
    for index, picture in enumerate(pictures):
        small = scale_to_fit(picture, _CELL_WH_PX, enlarge=True)
        height, width = small.shape[:2]
        left = _GAP_PX + (index % columns) * step_x + (_CELL_WH_PX[0] - width) // 2
        top = _GAP_PX + (index // columns) * step_y + (_CELL_WH_PX[1] - height) // 2
        sheet[top : top + height, left : left + width] = small
    return sheet


def write_contact_sheet(pictures: Sequence[Path], path: Path) -> None:
    """Write a sheet of picture files.

    Raises:
        DataError: One of the pictures cannot be read, or the sheet cannot be written.
    """
    write_image(path, make_sheet([read_image(picture) for picture in pictures]))
