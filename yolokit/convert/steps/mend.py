"""Safe mends of a set: what training could not use, or would learn wrongly, is left out by name.

Safe is what needs no eye: an image that cannot be decoded, a picture of val or test that train has
as well, a picture that is there twice with the same labels, a label that is there twice.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from yolokit.images.scan import scan_images
from yolokit.labels.splits import order_splits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Annotations, LabelledImage


class _Seen(NamedTuple):
    """One image of the source: its place in the stream, and what it is."""

    number: int
    path: str | None
    name: str
    split: str | None
    labels: bytes


class Mends:
    """Which images of a source are left out, by their place in its stream, and why."""

    def __init__(
        self, unreadable: Mapping[int, str], repeated: Mapping[int, tuple[str, str]]
    ) -> None:
        self._unreadable, self._repeated = unreadable, repeated

    @classmethod
    def learn(
        cls, images: Iterable[LabelledImage], on_progress: Callable[[int, int], None]
    ) -> Mends:
        """Look at all images of a source, which were located, and decode each.

        One that is a part of a larger file is not looked at.
        """
        seen = [
            _Seen(
                number,
                labelled.image.path if labelled.image.span is None else None,
                labelled.image.file_name,
                labelled.image.split,
                _digest_labels(labelled.annotations),
            )
            for number, labelled in enumerate(images)
        ]
        paths = list(dict.fromkeys(one.path for one in seen if one.path is not None))
        scans = scan_images(paths, on_progress=lambda done: on_progress(done, len(paths)))
        unreadable: dict[int, str] = {}
        by_content: defaultdict[bytes, list[_Seen]] = defaultdict(list)
        for one in seen:
            if one.path is None:
                continue
            scan = scans[one.path]
            if scan.problem is not None:
                unreadable[one.number] = f"{one.path}: {scan.problem}"
            else:
                by_content[scan.digest].append(one)
        return cls(unreadable, _find_repeated(by_content.values()))

    def apply(self, images: Iterable[LabelledImage], ledger: Ledger) -> Iterator[LabelledImage]:
        """Pass on what stays; each annotation that does not is entered."""
        for number, labelled in enumerate(images):
            image, places = labelled.image, labelled.annotations.places.tolist()
            if number in self._unreadable:
                message = self._unreadable[number]
                ledger.lose_image(
                    image.source, places, "unreadable-image", message, image.file_name
                )
            elif number in self._repeated:
                code, message = self._repeated[number]
                ledger.record_all(image.source, places, "excluded", code, message, image.file_name)
            else:
                yield ledger.exclude(labelled, "repeated-label", _find_repeated_labels(labelled))


def _find_repeated(groups: Iterable[Sequence[_Seen]]) -> dict[int, tuple[str, str]]:
    """Return for images with the bytes of another one, by number, a code and a message.

    Of several splits the last one of train, val, test keeps its picture: a figure that is measured
    on pictures of the training set is worth nothing, and training rarely lacks one.
    """
    found: dict[int, tuple[str, str]] = {}
    for group in groups:
        if len(group) < 2:
            continue
        last = order_splits({one.split for one in group if one.split})[-1:]
        kept: dict[bytes, _Seen] = {}
        for one in group:
            if last and one.split not in (None, *last):
                message = f"{one.name} of {one.split} is a picture of {last[0]} as well"
                found[one.number] = ("leaking-image", message)
                continue
            first = kept.setdefault(one.labels, one)
            if first is not one:
                message = f"{one.name} is the same picture as {first.name}, with the same labels"
                found[one.number] = ("repeated-image", message)
    return found


def _find_repeated_labels(labelled: LabelledImage) -> dict[int, str]:
    """Return the rows that are equal to an earlier one, with a message for each."""
    annotations = labelled.annotations
    first: dict[bytes, int] = {}
    found = {}
    for row in range(len(annotations)):
        at = first.setdefault(_row_key(annotations, row), row)
        if at != row:
            place = int(annotations.places[at])
            found[row] = f"the same label stands at {place} of {labelled.image.source.path}"
    return found


def _row_key(annotations: Annotations, row: int) -> bytes:
    shape = annotations.shapes.get(row)
    parts = [annotations.category_indices[row].tobytes(), annotations.xyxy[row].tobytes()]
    if shape is not None:
        parts += [ring.tobytes() for ring in shape.rings]
    if annotations.keypoints is not None:
        parts.append(annotations.keypoints[row].tobytes())
    return b"\0".join(parts)


def _digest_labels(annotations: Annotations) -> bytes:
    rows = sorted(_row_key(annotations, row) for row in range(len(annotations)))
    return hashlib.sha256(b"\1".join(rows)).digest()
