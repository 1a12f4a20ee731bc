"""The image files of a video's frames, as CVAT exports them: ``frame_000000.PNG``."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.formats.toolkit.image_locator import ImageLocator
from yolokit.images.listing import walk_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.formats.cvat.meta import TaskFrames

_FRAME = re.compile(r"(?:^|/)frame_([0-9]{6,9})\.[^./]+$")


class FrameFiles:
    """Finds the files of frames.

    Args:
        roots: Folders in which they may lie.
        frames: The frames that there are.
        in_order: The files have names of their own and are the frames in their order.
    """

    def __init__(self, roots: Sequence[str], frames: TaskFrames, *, in_order: bool) -> None:
        self._roots = roots
        self._frames = frames
        self._in_order = in_order
        self._locator = ImageLocator(roots)

    def find(self, frame: int) -> str | None:
        """Return the name of a frame's file, None if there is none."""
        if not self._in_order:
            found = self._locator.find(f"frame_{frame:06d}")
            return None if found is None else found.name
        at, rest = divmod(frame - self._frames.start, self._frames.step)
        return self.names[at] if not rest and 0 <= at < len(self.names) else None

    def iter_found(self) -> Iterator[int]:
        """Yield the frames that have a file, those of other tasks left out."""
        if self._in_order:
            for at in range(len(self.names)):
                yield self._frames.start + at * self._frames.step
            return
        numbers = {int(found.group(1)) for name in self._walk() if (found := _FRAME.search(name))}
        yield from (number for number in sorted(numbers) if self._frames.holds(number))

    @cached_property
    def names(self) -> list[str]:
        """The images in the first folder that has any, sorted."""
        for root in self._roots:
            names = list(walk_images(Path(root)))
            if names:
                return names
        return []

    def _walk(self) -> Iterator[str]:
        for root in self._roots:
            yield from walk_images(Path(root))
