"""Takes a sample of the images, the same one on every machine; the rest is excluded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import LabelledImage


def keyed_images(images: Iterable[LabelledImage]) -> Iterator[tuple[str, LabelledImage]]:
    """Give images keys that depend on their names alone, equal names numbered in their order.

    An image that comes again from the same place, as where each class has a file, keeps its key.
    """
    seen: dict[str, dict[object, int]] = {}
    for labelled in images:
        image = labelled.image
        place = (image.path or image.source.image_roots, image.span)
        numbers = seen.setdefault(image.file_name, {})
        number = numbers.setdefault(place, len(numbers) + 1)
        yield (image.file_name if number == 1 else f"{image.file_name}\0{number}"), labelled


def draw(key: str, seed: int, *, purpose: bytes = b"") -> bytes:
    """Return what images are sorted by to bring them into a random order.

    It is a keyed hash, so that the same names and seed give the same order on every machine and
    in every version of Python. Orders for different purposes do not resemble each other.
    """
    name = key.encode(errors="surrogateescape")
    return hashlib.blake2b(name, key=str(seed).encode()[:64], person=purpose).digest()


class Sample(msgspec.Struct, frozen=True):
    """How many images are taken: a share in (0, 1], or a number."""

    share: float | None = None
    count: int = 0

    @classmethod
    def parse(cls, text: str) -> Sample:
        """Read ``10%`` as a share and ``500`` as a number of images.

        Raises:
            ValueError: It is neither.
        """
        word = text.strip()
        if word.endswith("%"):
            share = float(word[:-1]) / 100
            if not 0 < share <= 1:
                raise ValueError(f"{text} is not a share between 0% and 100%")
            return cls(share=share)
        if not word.isdecimal() or int(word) == 0:
            raise ValueError(f"{text!r} is neither a share such as 10% nor a number of images")
        return cls(count=int(word))


def choose_sample(images: Iterable[LabelledImage], sample: Sample, seed: int) -> frozenset[str]:
    """Choose images by a hash of their keys, the same ones on every machine.

    A larger sample with the same seed holds the smaller one.
    """
    keys = {key for key, _ in keyed_images(images)}
    drawn = sorted(keys, key=lambda key: draw(key, seed, purpose=b"sample"))
    count = sample.count if sample.share is None else round(sample.share * len(drawn))
    return frozenset(drawn[: max(1, count)])


def keep_sample(
    images: Iterable[LabelledImage], chosen: frozenset[str], ledger: Ledger
) -> Iterator[LabelledImage]:
    """Leave out images whose key was not chosen; see :func:`keyed_images`."""
    for key, labelled in keyed_images(images):
        image = labelled.image
        if key in chosen:
            yield labelled
            continue
        message = f"{image.file_name} is not in the sample"
        places = labelled.annotations.places.tolist()
        ledger.record_all(image.source, places, "excluded", "not-sampled", message)
