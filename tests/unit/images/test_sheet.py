"""Sheets show every picture in its cell; pictures are scaled to fit, never up unless asked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.images.sheet import encode_jpeg, scale_to_fit, write_contact_sheet


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


def test_a_picture_is_scaled_down_and_up_only_if_asked() -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    assert scale_to_fit(picture, (200, 200)).shape == (50, 200, 3)
    assert scale_to_fit(picture, (800, 800)) is picture
    assert scale_to_fit(picture, (800, 800), enlarge=True).shape == (200, 800, 3)
    assert scale_to_fit(np.zeros((2, 4000, 3), np.uint8), (200, 200)).shape == (1, 200, 3)


def test_a_report_gets_a_small_jpeg() -> None:
    picture = np.full((900, 1200, 3), (10, 200, 30), np.uint8)
    content = encode_jpeg(picture, fit_wh=(400, 400))
    assert content.startswith(b"\xff\xd8")
    assert len(content) < 10_000
    shown = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (300, 400, 3)
    assert np.abs(shown.astype(int) - (10, 200, 30)).max() < 6
