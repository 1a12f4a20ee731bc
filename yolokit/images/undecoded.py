"""Pictures and videos that there is no decoder for, by name and by content, and the way round."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.files.file_kind import tell_image
from yolokit.images.iso_media import is_avif

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEIF = "heif-convert"
_IMAGE = "ImageMagick"
_VIDEO = "ffmpeg"

_CONVERTERS = (
    (r"\.(heic|heics|heif|heifs|hif)", _HEIF),
    (r"\.jxl", "djxl"),
    (
        (
            r"\.(3fr|arw|cr2|cr3|crw|dcr|dng|erf|gpr|iiq|kdc|mef|mos|mrw|nef|nrw|orf|pef|raf|raw|rw2"
            r"|rwl|sr2|srf|srw|x3f)"
        ),
        "darktable-cli",
    ),
    (
        (
            r"\.(ai|bpg|cur|dcm|dds|djvu|emf|eps|exr|fits?|hdr|icns|ico|j2[ck]|jls|jng|jp[cfx]|jxr|nii"
            r"|pam|pcx|pdf|pfm|pict?|ps[bd]?|qoi|ras|rgb|sgi|sr|svgz?|tga|wdp|wmf|xbm|xcf|xpm)"
        ),
        _IMAGE,
    ),
    (r"\.(bik|braw|drc|dvr-ms|fl[ci]|mlv|mng|nsv|r3d|roq|swf|vro)", _VIDEO),
)

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"))


def converter_for(path: Path) -> str | None:
    """Return what converts a picture or video that is not read; None for any other file."""
    suffix = path.suffix.lower()
    return next((name for names, name in _CONVERTERS if re.fullmatch(names, suffix)), None)


def describe_named(path: Path) -> str:
    """Return why a picture or video of such a name is not read, and the way round."""
    return _advise(f"there is no decoder for {path.suffix}", converter_for(path) or _IMAGE)


def describe_content(head: bytes) -> str | None:
    """Return the same for a file whose content is known, whatever its name; None if it is not."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS and not is_avif(head):
        return _advise("this is HEIC, and there is no decoder for it", _HEIF)
    kind = tell_image(head)
    if kind is None or kind.converter is None:
        return None
    return _advise(f"this is {kind.name}, and there is no decoder for it", kind.converter)


def describe_left_out(paths: Sequence[Path]) -> list[str]:
    """Return one line for each suffix among files that are pictures or videos, yet not read."""
    converters = {path.suffix: converter_for(path) for path in paths}
    counts = Counter(path.suffix for path in paths if converters[path.suffix] is not None)
    return [
        f"{counted(count, 'file')} left out: {suffix} (no decoder for it; "
        f"convert with {converters[suffix]} first)"
        for suffix, count in sorted(counts.items())
    ]


def _advise(reason: str, converter: str) -> str:
    wanted = "MP4" if converter == _VIDEO else "JPEG or PNG"
    return f"{reason}: convert it to {wanted} first, e.g. with {converter}"
