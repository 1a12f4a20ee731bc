"""Names of images in a written set: unique, and possible on every system."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate

from yolokit.formats.toolkit.layout import is_called_after

_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{,99}\.[A-Za-z0-9]{1,9}")
_LIKE_A_FILE = re.compile(
    r"\.(?=(avif|bmp|csv|dng|heic|heif|jp2|jpe?g|json|mpo|png|tiff?|txt|webp|xml|ya?ml)$)",
    re.IGNORECASE,
)
_MAX_PART_BYTES = 200
_MAX_PATH_BYTES = 1000  # below 1024 of macOS and 4096 of Linux, with room for the set's folder


class OutputNames:
    """Gives each image of a set its name, sub-folders kept.

    No two names differ in their suffix only, since labels are named after the stem, or in case
    only, since not every file system distinguishes those; names are in one Unicode form.
    """

    def __init__(self) -> None:
        # Names given out, without suffix and case, and the last number appended to each.
        self._numbers: dict[str, int] = {}

    def assign(self, name: str) -> str:
        """Return the name for an image that its source calls ``name``; never given out before."""
        clean = name
        if _PLAIN.fullmatch(name) is None or _RESERVED.match(name) is not None:
            clean = _clean_path(name)
        stem, dot, suffix = clean.rpartition(".")
        if not dot or "/" in suffix or not stem:
            stem, suffix = clean, ""
        key = stem.casefold()
        if key not in self._numbers:
            self._numbers[key] = 1
            return clean
        choice, number = stem, self._numbers[key]
        while choice.casefold() in self._numbers:
            number += 1
            choice = f"{stem}-{number}"
        self._numbers[key] = number
        self._numbers[choice.casefold()] = 1
        return f"{choice}.{suffix}" if suffix else choice


def drop_told_folders(name: str, split: str | None) -> str:
    """Return an image's name without leading folders that say what its place in the set says.

    Args:
        name: Such as ``test/images/a.jpg``; there it would lie in ``images/test/test/images``.
        split: The split that the place is called after, or None.
    """
    while "/" in name:
        first, _, rest = name.partition("/")
        if first.lower() != "images" and not is_called_after(first, split):
            break
        name = rest
    return name


def _clean_path(name: str) -> str:
    """Clean each part of a name; those that are empty or climb are left out.

    Of a path that is longer than file systems allow, the end stays. A folder is not called like an
    image or a file of labels, for one of that name may be beside it.
    """
    composed = unicodedata.normalize("NFC", name)
    parts = [_clean(part) for part in composed.replace("\\", "/").split("/")]
    parts = [part for part in parts if part not in ("", ".", "..")]
    parts[:-1] = [_LIKE_A_FILE.sub("_", part) for part in parts[:-1]]
    ends = accumulate(len(part.encode()) + 1 for part in reversed(parts))
    fitting = sum(end <= _MAX_PATH_BYTES for end in ends)
    return "/".join(parts[-fitting:]) if parts else "image"


def _clean(part: str) -> str:
    """Replace what Windows, macOS or Linux does not allow in a name."""
    part = _FORBIDDEN.sub("_", part.encode(errors="replace").decode())
    if part in ("", ".", ".."):
        return part
    part = part.rstrip(" .") or "_"
    if _RESERVED.match(part):
        part = "_" + part
    if len(part.encode()) > _MAX_PART_BYTES:
        stem, dot, suffix = part.rpartition(".")
        end = f".{suffix}" if dot and len(suffix) < 10 else ""
        keep = _MAX_PART_BYTES - len(end.encode())
        cut = (stem if end else part).encode()[:keep]
        part = cut.decode(errors="ignore") + end
    return part
