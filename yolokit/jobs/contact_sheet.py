"""A contact sheet: several pictures on one page, to be taken in at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.types import Letterbox
from yolokit.images.files import read_image, write_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.core.types import U8

_PAPER = 245
_GAP_PX = 8


def write_contact_sheet(
    pictures: Sequence[Path], path: Path, *, columns: int = 4, cell_wh: tuple[int, int] = (400, 300)
) -> None:
    """Lay pictures out in rows, each centred in its cell.

    Args:
        pictures: Image files, at least one.
        path: Picture to write; its suffix chooses the format.
        columns: Pictures in a row.
        cell_wh: Width and height of a cell in px.

    Raises:
        DataError: One of the pictures cannot be read, or the sheet cannot be written.
    """
    import cv2

    rows = -(-len(pictures) // columns)
    step_x, step_y = cell_wh[0] + _GAP_PX, cell_wh[1] + _GAP_PX
    sheet: U8 = np.full(
        (rows * step_y + _GAP_PX, min(columns, len(pictures)) * step_x + _GAP_PX, 3),
        _PAPER,
        np.uint8,
    )
    for index, picture in enumerate(pictures):
        image = read_image(picture)
        fit = Letterbox.fit((image.shape[1], image.shape[0]), cell_wh)
        width, height = fit.resized_wh
        left = _GAP_PX + (index % columns) * step_x + fit.pad_xy[0]
        top = _GAP_PX + (index // columns) * step_y + fit.pad_xy[1]
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        sheet[top : top + height, left : left + width] = small
    write_image(path, sheet)
