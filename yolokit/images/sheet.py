"""Pictures to be looked at: scaled to fit, as JPEG for a report, many of them on one sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from yolokit.core.types import U8, Letterbox
from yolokit.images.draw import DARK, cut_text, draw_label_at, label_wh, put_text
from yolokit.images.files import read_image, write_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.images.draw import Color

_COLUMNS = 4
_CELL_WH_PX = (400, 300)
_GAP_PX = 8
_PAPER = 245
_TEXT_PX = 13
_TITLE_PX = 18
_LINE_PX = 18
_REGULAR = 400


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

    # Colour for each pixel: thin coloured lines turn grey otherwise.
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1, *sampling]
    _, content = cv2.imencode(".jpg", scale_to_fit(bgr, fit_wh), settings)
    return content.tobytes()


class Cell(NamedTuple):
    """A picture of a sheet, (H, W, 3), and the lines that are written below it."""

    picture: U8
    lines: Sequence[str] = ()


def make_sheet(
    cells: Sequence[Cell], *, title: str = "", legend: Sequence[tuple[str, Color]] = ()
) -> U8:
    """Lay pictures out in rows on one page, each centred in its cell, to be seen at a glance.

    Args:
        cells: What is laid out; texts too long for their cell are cut.
        title: Written above; none without one.
        legend: Names and their colours, written below the title.
    """
    rows, columns = -(-len(cells) // _COLUMNS), min(_COLUMNS, len(cells))
    lines_px = _LINE_PX * max((len(cell.lines) for cell in cells), default=0)
    step_x, step_y = _CELL_WH_PX[0] + _GAP_PX, _CELL_WH_PX[1] + lines_px + _GAP_PX
    wide_px = columns * step_x + _GAP_PX
    head = _draw_head(wide_px, title, legend)
    sheet: U8 = np.full((len(head) + rows * step_y + _GAP_PX, wide_px, 3), _PAPER, np.uint8)
    sheet[: len(head)] = head
    for index, cell in enumerate(cells):
        left = _GAP_PX + (index % columns) * step_x
        top = len(head) + _GAP_PX + (index // columns) * step_y
        _draw_cell(sheet, cell, left, top)
    return sheet


def _draw_cell(sheet: U8, cell: Cell, left: int, top: int) -> None:
    small = scale_to_fit(cell.picture, _CELL_WH_PX, enlarge=True)
    height, width = small.shape[:2]
    x, y = left + (_CELL_WH_PX[0] - width) // 2, top + (_CELL_WH_PX[1] - height) // 2
    sheet[y : y + height, x : x + width] = small
    for number, line in enumerate(cell.lines, 1):
        text = cut_text(line, _CELL_WH_PX[0], _TEXT_PX)
        below = top + _CELL_WH_PX[1] + number * _LINE_PX - _TEXT_PX // 3
        put_text(sheet, text, (left, below), DARK, _TEXT_PX, _REGULAR)


def _draw_head(wide_px: int, title: str, legend: Sequence[tuple[str, Color]]) -> U8:
    """Return the strip above the pictures, of no height where there is nothing to write."""
    lines: list[list[tuple[str, Color]]] = [[]] if legend else []
    x = _GAP_PX
    for name, color in legend:
        name_px = label_wh(name, _TEXT_PX)[0] + _GAP_PX
        if x + name_px > wide_px and lines[-1]:
            lines.append([])
            x = _GAP_PX
        lines[-1].append((name, color))
        x += name_px
    title_px = 2 * _LINE_PX if title else 0
    step_px = _LINE_PX + _GAP_PX
    head: U8 = np.full((title_px + len(lines) * step_px, wide_px, 3), _PAPER, np.uint8)
    if title:
        shown = cut_text(title, wide_px - 2 * _GAP_PX, _TITLE_PX)
        put_text(head, shown, (_GAP_PX, title_px - _LINE_PX // 2), DARK, _TITLE_PX)
    for number, line in enumerate(lines):
        x = _GAP_PX
        for name, color in line:
            draw_label_at(head, name, (x, title_px + number * step_px), color, _TEXT_PX)
            x += label_wh(name, _TEXT_PX)[0] + _GAP_PX
    return head


def write_contact_sheet(pictures: Sequence[Path], path: Path) -> None:
    """Write a sheet of picture files.

    Raises:
        DataError: One of the pictures cannot be read, or the sheet cannot be written.
    """
    write_image(path, make_sheet([Cell(read_image(picture)) for picture in pictures]))
