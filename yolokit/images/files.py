"""Read and write image files, under names of any script on every system.

What there is no decoder for is recognised by name and by content, with the way round.
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.file_kind import tell_image, tell_kind
from yolokit.files.regular_file import why_no_file
from yolokit.images.iso_media import is_avif
from yolokit.images.pixels import decode_upright

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.core.types import U8

# What OpenCV decodes in every build of opencv-python.
_IMAGE_NAME = re.compile(
    r".\.(apng|avif|bmp|dib|jfif|jp2|jpe|jpe?g|mpo|pbm|pgm|png|pnm|ppm|tiff?|webp)$", re.IGNORECASE
)
WRITE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
# Longest sides in px that an encoder takes; PNG takes more than OpenCV reads.
_LONGEST_PX = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}

# Not one picture's fault: whatever is written next fails as well.
_LASTING = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE))
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


def is_image_name(path: Path) -> bool:
    """Tell by its suffix whether a file is an image."""
    return _IMAGE_NAME.search(path.name) is not None


def read_image(path: Path) -> U8:
    """Decode an image file, upright as it says that it is to be seen.

    Args:
        path: Any format that OpenCV decodes; the content decides, not the name.

    Returns:
        (H, W, 3) uint8 BGR; grey, 16-bit and transparent images are converted.

    Raises:
        DataError: The file cannot be read or decoded.
    """
    return decode_image(read_content(path), path)


def read_content(path: Path) -> U8:
    """Return the bytes of a file, (N,) uint8, N > 0.

    Raises:
        DataError: It is not a regular file, it is empty, or it cannot be read.
    """
    reason = why_no_file(path)
    if reason is not None:
        raise DataError(reason, path=path)
    try:
        # Not cv2.imread: on Windows that opens no path outside the local code page.
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path=path) from error
    if not content.size:
        raise DataError("the file is empty", path=path)
    return content


def decode_image(content: U8, path: Path) -> U8:
    """Decode the content of an image file; see :func:`read_image`.

    Raises:
        DataError: It cannot be decoded.
    """
    import cv2

    try:
        image = decode_upright(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        is_limit = "CV_IO_MAX_IMAGE" in error.err
        reason = "it has more pixels than OpenCV decodes" if is_limit else error.err
        raise DataError(f"cannot be decoded: {reason}", path=path) from error
    except MemoryError as error:
        raise DataError("cannot be decoded: there is not enough memory", path=path) from error
    if image is None:
        raise DataError(_describe(content[:512].tobytes()), path=path)
    return image


def _describe(head: bytes) -> str:
    """Say what begins like this and is not an image that is read."""
    known = describe_content(head)
    if known is not None:
        return known
    kind = tell_kind(head)
    what = f": it is {kind}" if kind is not None and kind.group != "image" else ""
    return f"not a whole image that OpenCV can decode{what}"


def writable_name(name: str, image_wh: tuple[int, int]) -> str:
    """Return the file name under which ``write_image`` can store an image of this name and size.

    Formats that cannot be written become JPEG, and what is too long for its format PNG.
    """
    dot = name.rfind(".")
    stem = name[:dot] if dot > 0 else name
    suffix = name[dot:].lower() if dot >= 0 else ""
    if suffix not in WRITE_SUFFIXES:
        name, suffix = f"{stem}.jpg", ".jpg"
    return name if max(image_wh) <= _LONGEST_PX.get(suffix, max(image_wh)) else f"{stem}.png"


def encode_image(suffix: str, bgr: U8) -> bytes:
    """Return an image as the content of a file with this suffix.

    Raises:
        DataError: It cannot be encoded.
    """
    import cv2

    # Looked at more often than kept: PNG is written fast rather than small.
    settings = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92],
        ".png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
    }
    try:
        done, content = cv2.imencode(suffix, bgr, settings.get(suffix.lower(), []))
    except cv2.error as error:
        raise DataError(f"cannot be encoded: {error.err}") from error
    if not done:
        raise DataError(f"cannot be encoded as {suffix}")
    return content.tobytes()


def write_image(path: Path, bgr: U8) -> None:
    """Encode an image in the format of the path's suffix.

    Raises:
        DataError: It cannot be encoded or written.
        OSError: Nothing more can be written at all: the disk is full, say.
    """
    try:
        content = encode_image(path.suffix, bgr)
    except DataError as error:
        error.path = path
        raise
    write_content(path, content)


def write_content(path: Path, content: bytes) -> None:
    """Write the content of an image file, as ``encode_image`` makes it.

    Raises:
        DataError: It cannot be written.
        OSError: Nothing more can be written at all: the disk is full, say.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        if is_lasting(error):
            raise
        raise DataError(f"cannot be written: {error.strerror}", path=path) from error


def is_lasting(error: OSError) -> bool:
    """Tell whether an error of writing will meet every further file too."""
    return error.errno in _LASTING


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
