"""Brings boxes into the frame that training and inference see.

An image's size as its annotations state it may disagree with the file: the annotations may have
been made on the image as stored, before EXIF orientation turned it upright, or on a copy of
another size. The file wins; what is done to the boxes is in the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.toolkit.image_locator import Found, SourceImages, fill_image
from yolokit.images.byte_range import Span
from yolokit.images.listing import climbs_out, is_absolute_anywhere, is_image_name, suffix_of_file
from yolokit.images.orientation import is_mirrored, is_transposed
from yolokit.images.size import ImageSize, read_image_size
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, LabelledImage
from yolokit.labels.transforms import scaling, transform_annotations

EXIF = ("auto", "upright", "stored")
"""What ``--assume exif`` may be: which image labels were drawn on where one has an orientation."""

_INSIDE_PX = 1.0
_UNUSUAL = re.compile(r"^[/\\]|^.:|\.\.|\x00")
_UNSAFE = "the file name {!r} climbs out of its folder and is not followed"


def locate_images(
    images: Iterable[LabelledImage], ledger: Ledger, exif: str = EXIF[0]
) -> Iterator[LabelledImage]:
    """Find each image's file, read its true size and bring its boxes into that frame.

    An image that is not found or not readable is left out, and its annotations are dropped. Those
    that have a ``path`` go through as they are, unless they are inside that file, or were drawn
    on the image as stored: their labels were fractions of it.

    Args:
        images: As a reader yields them.
        ledger: Gets what is left out, and what is done to labels.
        exif: One of ``EXIF``; ``auto`` goes by the sizes that annotations state.
    """
    files = SourceImages()
    for labelled in images:
        if labelled.image.path is not None and labelled.image.span is None:
            yield _turn_fractions(labelled) if exif == "stored" else labelled
            continue
        located = _locate(labelled, files, ledger, exif)
        if located is not None:
            yield located


def fractions_to_px(
    images: Iterable[LabelledImage], ledger: Ledger, *, labels_only: bool = False
) -> Iterator[LabelledImage]:
    """Bring images whose labels are in fractions of their width and height into px.

    They are located for that, unless labels alone are wanted; then their sizes must be stated.
    """
    sized = require_sizes(images, ledger) if labels_only else locate_images(images, ledger)
    for labelled in sized:
        to_px = scaling(*labelled.image.image_wh)
        yield LabelledImage(labelled.image, transform_annotations(labelled.annotations, to_px))


def require_sizes(images: Iterable[LabelledImage], ledger: Ledger) -> Iterator[LabelledImage]:
    """Pass images on as their annotations state them, where no image is looked at.

    Raises:
        DataError: The size of an image is not stated.
    """
    for labelled in images:
        image = labelled.image
        if image.width_px is None:
            raise DataError(
                f"the size of {image.file_name} is not stated, and --labels-only reads no image",
                path=image.source.path,
                hint="leave --labels-only out, and say with --images where the images are",
            )
        if _UNUSUAL.search(image.file_name) is None:
            yield labelled
        elif is_absolute_anywhere(image.file_name):
            name = re.split(r"[/\\]", image.file_name)[-1] or "image"
            yield LabelledImage(
                msgspec.structs.replace(image, file_name=name), labelled.annotations
            )
        elif climbs_out(image.file_name):
            _lose(labelled, ledger, "unsafe-name", _UNSAFE.format(image.file_name))
        else:
            yield labelled


def _locate(
    labelled: LabelledImage, files: SourceImages, ledger: Ledger, exif: str
) -> LabelledImage | None:
    image = labelled.image
    if image.path is not None:
        found: Found | None = Found(image.path, image.file_name)
    else:
        found = files.find(image, ledger)
    if found is None:
        if climbs_out(image.file_name):
            _lose(labelled, ledger, "unsafe-name", _UNSAFE.format(image.file_name))
        else:
            _lose(labelled, ledger, "missing-image", files.explain(image))
        return None
    try:
        size = read_image_size(found.path, image.span)
    except DataError as error:
        _lose(labelled, ledger, "unreadable-image", str(error))
        return None
    name = _with_suffix(found, image.span)
    if name is None:
        message = f"{found.path} is called like no image, and is of no kind that training reads"
        _lose(labelled, ledger, "unreadable-image", message)
        return None
    annotations = _to_frame(labelled, size, ledger, exif)
    return LabelledImage(fill_image(image, Found(found.path, name), size), annotations)


def drop_cut_short(images: Iterable[LabelledImage], ledger: Ledger) -> Iterator[LabelledImage]:
    """Leave images without their end out where pixels are needed, and drop their annotations."""
    for labelled in images:
        if labelled.image.cut_short:
            message = f"{labelled.image.path} is cut short: no tile can be cut out of it"
            _lose(labelled, ledger, "unreadable-image", message)
        else:
            yield labelled


def _with_suffix(found: Found, span: Span | None) -> str | None:
    """Return the name of an image with a suffix that it is known by, None if it is of no kind."""
    if is_image_name(found.name):
        return found.name
    suffix = suffix_of_file(found.path, span)
    return None if suffix is None else found.name + suffix


def _lose(labelled: LabelledImage, ledger: Ledger, code: str, message: str) -> None:
    places = labelled.annotations.places.tolist()
    ledger.lose_image(labelled.image.source, places, code, message, labelled.image.file_name)


def _turn_fractions(labelled: LabelledImage) -> LabelledImage:
    """Turn labels that were fractions of the image as stored."""
    image = labelled.image
    assert image.path is not None, "the caller has looked"
    size = read_image_size(image.path, image.span)
    if size.orientation == 1:
        return labelled
    stored, seen = size.stored_wh, (size.width_px, size.height_px)
    factors = (stored[0] / seen[0], stored[1] / seen[1])
    annotations = transform_annotations(labelled.annotations, scaling(*factors))
    return LabelledImage(image, _turn(annotations, size, image.file_name))


def _turn(annotations: Annotations, size: ImageSize, name: str) -> Annotations:
    remark = (
        f"exif-orientation: {name} is stored as {size_text(size.stored_wh)} px and seen as "
        f"{size_text((size.width_px, size.height_px))} px; the label was turned with it"
    )
    return transform_annotations(annotations, _upright(size.stored_wh, size.orientation), remark)


def _to_frame(labelled: LabelledImage, size: ImageSize, ledger: Ledger, exif: str) -> Annotations:
    image, annotations = labelled.image, labelled.annotations
    seen = (size.width_px, size.height_px)
    stated = seen if image.width_px is None else image.image_wh
    if size.orientation != 1 and stated in (seen, size.stored_wh):
        if exif == "stored" or (exif == "auto" and stated != seen):
            return _turn(annotations, size, image.file_name)
        if image.width_px is not None:
            message = f"{image.file_name} has EXIF orientation {size.orientation}: its boxes are "
            message += "taken as drawn on the upright image"
            ledger.note(image.source, None, "exif-orientation", message)
        return annotations
    if stated == seen:
        return annotations
    text = f"{image.file_name} is {size_text(seen)} px, not {size_text(stated)} px as stated"
    ledger.note(image.source, None, "size-mismatch", text)
    if is_resized(stated, seen):
        factors = (seen[0] / stated[0], seen[1] / stated[1])
        return transform_annotations(annotations, scaling(*factors), f"rescaled: {text}")
    if _is_inside(annotations.xyxy, seen):
        return annotations
    for place in annotations.places.tolist():
        ledger.record(image.source, place, "dropped", "size-mismatch", text)
    return Annotations.empty()


def _upright(stored_wh: tuple[int, int], orientation: int) -> F64:
    """Return what an orientation does to points of the stored image."""
    width_px, height_px = stored_wh
    transposed = is_transposed(orientation)
    matrix = np.array([[0, 1, 0], [1, 0, 0]] if transposed else [[1, 0, 0], [0, 1, 0]], np.float64)
    if transposed:
        width_px, height_px = height_px, width_px
    mirrored_x, mirrored_y = is_mirrored(orientation)
    if mirrored_x:
        matrix[0] = [0, 0, width_px] - matrix[0]
    if mirrored_y:
        matrix[1] = [0, 0, height_px] - matrix[1]
    return matrix


def is_resized(stated: tuple[int, int], seen: tuple[int, int]) -> bool:
    """Tell whether two sizes have one aspect ratio, up to the rounding of a side to 1 px."""
    off_px = abs(stated[0] * seen[1] - stated[1] * seen[0])
    return off_px <= max(*stated, *seen)


def _is_inside(xyxy: F64, wh: tuple[int, int]) -> bool:
    low_ok = bool((xyxy >= -_INSIDE_PX).all())
    return low_ok and bool((xyxy[:, 2:] <= np.array(wh) + _INSIDE_PX).all())


def size_text(wh: tuple[int, int]) -> str:
    """Return a size in words, such as ``640x480``."""
    return f"{wh[0]}x{wh[1]}"
