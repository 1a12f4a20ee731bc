"""Names of images in a written set: unique, and possible on every system."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])$", re.IGNORECASE)
_MAX_PART_BYTES = 200


class OutputNames:
    """Gives each image of a set its name, sub-folders kept.

    No two names differ in their suffix only, since labels are named after the stem, or in case
    only, since not every file system tells those apart.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def assign(self, name: str) -> str:
        """Return the name for an image that its source calls ``name``; never given out before."""
        parts = [_clean(part) for part in name.replace("\\", "/").split("/")]
        clean = "/".join(part for part in parts if part not in ("", ".", ".."))
        stem, dot, suffix = (clean or "image").rpartition(".")
        if not dot or "/" in suffix or not stem:
            stem, suffix = clean or "image", ""
        choice, number = stem, 1
        while choice.casefold() in self._taken:
            number += 1
            choice = f"{stem}-{number}"
        self._taken.add(choice.casefold())
        return f"{choice}.{suffix}" if suffix else choice


def _clean(part: str) -> str:
    """Replace what Windows, macOS or Linux does not allow in a name."""
    part = _FORBIDDEN.sub("_", part)
    if part in ("", ".", ".."):
        return part
    part = part.rstrip(" .") or "_"
    if _RESERVED.match(part.split(".", 1)[0]):
        part = "_" + part
    if len(part.encode(errors="surrogateescape")) > _MAX_PART_BYTES:
        stem, dot, suffix = part.rpartition(".")
        end = f".{suffix}" if dot and len(suffix) < 10 else ""
        keep = _MAX_PART_BYTES - len(end.encode(errors="surrogateescape"))
        cut = (stem if end else part).encode(errors="surrogateescape")[:keep]
        part = cut.decode(errors="ignore") + end
    return part
