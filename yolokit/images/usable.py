"""Which images a training can use, of those that :mod:`yolokit.images.scan` looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.images.scan import scan_images

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def find_unusable(
    paths: Sequence[str],
    *,
    decode: bool = True,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, str]:
    """Return the images that a training cannot use, each with the reason."""
    scans = scan_images(paths, decode=decode, on_progress=on_progress)
    return {path: scan.problem for path, scan in scans.items() if scan.problem is not None}
