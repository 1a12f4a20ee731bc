"""The contact sheet of a quickstart shows every picture in its cell."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.jobs.quickstart import write_contact_sheet


def test_pictures_of_any_shape_are_centred_in_their_cells(tmp_path: Path) -> None:
    colors = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255), (255, 255, 0))
    shapes = ((60, 80), (200, 50), (30, 300), (300, 400), (9, 9))
    for index, (color, shape) in enumerate(zip(colors, shapes, strict=True)):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((*shape, 3), color, np.uint8))
    pictures = sorted(tmp_path.glob("*.png"))
    write_contact_sheet(pictures, tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape == (2 * 308 + 8, 4 * 408 + 8, 3)
    for index, color in enumerate(colors):
        centre = sheet[8 + 150 + 308 * (index // 4), 8 + 200 + 408 * (index % 4)]
        assert tuple(centre) == color


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"x\.jpg"):
        write_contact_sheet([tmp_path / "x.jpg"], tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()
