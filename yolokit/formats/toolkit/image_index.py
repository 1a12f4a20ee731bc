"""The image files below a folder by their names, and which of them a stated name may mean.

Names are compared as people mean them: in one Unicode form (macOS decomposes names), whatever the
case, with ``%20`` for a blank, with another suffix or none. How well each fits is reported, so that
the best is taken, and nothing where two fit alike.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from yolokit.formats.toolkit.layout import nearest_split
from yolokit.images.listing import IMAGE_SUFFIXES, walk_images

_OTHER_SUFFIXES = frozenset({".gif", ".jfif", ".jpe", ".pbm", ".pgm", ".pnm", ".ppm", ".tga"})
"""What images are called too, that may lie there in a form that is read."""


class Candidate(NamedTuple):
    """A file that a name may mean.

    Attributes:
        name: Below the indexed folder, with ``/``.
        path: The file.
        folders: How many of the folders that the name states, from its end, the file lies in.
        oddity: How its own name differs: 0 not at all, 1 in its Unicode form, 2 in case or by an
            encoding such as ``%20``, 3 in its suffix.
    """

    name: str
    path: str
    folders: int
    oddity: int

    def is_of_other_split(self, split: str | None, file: str = "") -> bool:
        """Tell whether it lies in a folder of another split, which its name did not state.

        Args:
            split: That of the image.
            file: The annotation file; the folders that it lies in too say nothing.
        """
        above = self.name.split("/")[:-1]
        stated = above[len(above) - self.folders :]
        if split is None or nearest_split(stated) is not None:
            return False
        folder = self.path[: -len(self.name)]
        while above and file.startswith(os.path.join(folder, above[0], "")):  # noqa: PTH118
            folder = os.path.join(folder, above.pop(0))  # noqa: PTH118
        return nearest_split(above) not in (None, split)


def split_name(name: str) -> list[str]:
    """Return the parts of a name of any system, those that are empty or climb left out."""
    return [part for part in re.split(r"[/\\]+", name) if part not in ("", ".", "..")]


def fold(text: str) -> str:
    """Return what two spellings of one name have in common."""
    if text.isascii():
        return (unquote(text) if "%" in text else text).lower()
    composed = unicodedata.normalize("NFC", unquote(text)).casefold()
    return unicodedata.normalize("NFC", composed)


class ImageIndex:
    """The images below a folder that exists, listed once."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._by_stem: dict[str, list[str]] = {}
        for name in walk_images(Path(folder)):
            stem = name.rpartition("/")[2].rpartition(".")[0]
            self._by_stem.setdefault(fold(stem), []).append(name)

    def find(self, parts: Sequence[str]) -> Iterator[Candidate]:
        """Yield the files that the parts of a name may mean."""
        *folders, base = parts
        folded = [fold(folder) for folder in folders]
        for name in self._by_stem.get(fold(_without_suffix(base)), ()):
            *above, own = name.split("/")
            shared = _count_shared(folded, [fold(folder) for folder in above])
            path = str(Path(self._folder, name))
            yield Candidate(name, path, shared, _oddity(base, own))


def choose(candidates: Sequence[Candidate], roots: Sequence[str]) -> Candidate | None:
    """Return the one file that fits best, None where two fit alike.

    Args:
        candidates: It is taken only if no other lies in more of the stated folders, or has a name
            that is more alike.
        roots: Of several that fit alike, the one is taken that alone lies in the first of these.
    """
    if not candidates:
        return None
    folders = max(one.folders for one in candidates)
    oddity = min(one.oddity for one in candidates)
    best = [one for one in candidates if (one.folders, one.oddity) == (folders, oddity)]
    if len(best) == 1:
        return best[0]
    for root in roots:
        inside = [one for one in best if Path(one.path).is_relative_to(root)]
        if len(inside) == 1:
            return inside[0]
    return None


def _without_suffix(base: str) -> str:
    stem, dot, suffix = base.rpartition(".")
    known = f".{suffix.lower()}" in IMAGE_SUFFIXES | _OTHER_SUFFIXES
    return stem if dot and stem and known else base


def _count_shared(stated: Sequence[str], actual: Sequence[str]) -> int:
    count = 0
    for one, other in zip(reversed(stated), reversed(actual), strict=False):
        if one != other:
            break
        count += 1
    return count


def _oddity(stated: str, actual: str) -> int:
    """Return how a file's name differs from the one that is stated; see :class:`Candidate`."""
    if _without_suffix(stated) == stated:
        actual = actual.rpartition(".")[0]
    if stated == actual:
        return 0
    if unicodedata.normalize("NFC", stated) == unicodedata.normalize("NFC", actual):
        return 1
    return 2 if fold(stated) == fold(actual) else 3
