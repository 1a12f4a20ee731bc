"""The eight ways in which a stored picture may have to be turned, numbered as EXIF does.

Source: CIPA DC-008, tag 0x0112: which side of the stored picture is the top and the left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import U8

UPRIGHT = 1

# Rows and columns change places first; then each axis may be mirrored.
_TRANSPOSED = frozenset({5, 6, 7, 8})
_MIRRORED_X = frozenset({2, 3, 6, 7})
_MIRRORED_Y = frozenset({3, 4, 7, 8})


def is_transposed(orientation: int) -> bool:
    """Tell whether width and height change places."""
    return orientation in _TRANSPOSED


def is_mirrored(orientation: int) -> tuple[bool, bool]:
    """Tell whether x and y are mirrored, after a transposition."""
    return orientation in _MIRRORED_X, orientation in _MIRRORED_Y


def find_orientation(*, transposed: bool, mirrored_x: bool, mirrored_y: bool) -> int:
    """Return the orientation, 1 to 8, that does this."""
    wanted = (transposed, (mirrored_x, mirrored_y))
    return next(
        number for number in range(1, 9) if (is_transposed(number), is_mirrored(number)) == wanted
    )


def orientation_of_matrix(matrix: Sequence[int]) -> int:
    """Return the orientation nearest to a display matrix of a video.

    Args:
        matrix: Nine numbers by rows; the first two columns of rows 1 and 2 turn and mirror.
    Source: FFmpeg ``libavutil/display.h``; ISO/IEC 14496-12, ``tkhd``.
    """
    x_to_x, x_to_y, y_to_x, y_to_y = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(x_to_y) + abs(y_to_x) > abs(x_to_x) + abs(y_to_y):
        return find_orientation(transposed=True, mirrored_x=y_to_x < 0, mirrored_y=x_to_y < 0)
    return find_orientation(transposed=False, mirrored_x=x_to_x < 0, mirrored_y=y_to_y < 0)


def turn_upright(pixels: U8, orientation: int) -> U8:
    """Return a stored picture as it is to be seen.

    Args:
        pixels: (H, W) or (H, W, C), of any type that OpenCV knows.
        orientation: 1 to 8; 1 returns the same array.
    """
    import cv2

    if orientation == UPRIGHT:
        return pixels
    turned = cv2.transpose(pixels) if is_transposed(orientation) else pixels
    mirrored = is_mirrored(orientation)
    if any(mirrored):
        turned = cv2.flip(turned, {(True, False): 1, (False, True): 0, (True, True): -1}[mirrored])
    return cast("U8", turned)
