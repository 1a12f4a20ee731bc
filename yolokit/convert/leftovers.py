"""Images that lie beside those of a set, and in no annotation file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.images.listing import is_image_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.labels.model import LabelledImage


class Leftovers:
    """Watches which images of their folders are taken."""

    def __init__(self) -> None:
        self._taken: dict[str, set[str]] = {}

    def watch(self, images: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
        """Pass on images that were located."""
        for labelled in images:
            if labelled.image.path is not None and labelled.image.span is None:
                folder, name = os.path.split(labelled.image.path)
                self._taken.setdefault(folder, set()).add(name)
            yield labelled

    def tell(self) -> Iterator[str]:
        """Yield how many images lie beside those that were taken."""
        left: list[str] = []
        for folder, taken in self._taken.items():
            if not os.access(folder, os.R_OK):  # its images can be opened, and not be listed
                continue
            with os.scandir(folder) as entries:
                names = {one.name for one in entries if is_image_name(one.name)} - taken
            left += [os.path.join(folder, name) for name in names if name[0] != "."]  # noqa: PTH118
        if left:
            images = counted(len(left), "more image lies", "more images lie")
            yield f"{images} beside those of the set, in no annotation file: {min(left)}"
