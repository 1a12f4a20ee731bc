"""The catalog: one TOML file for each published file of weights and each public data set.

They are in ``hub/catalog/weights`` and ``hub/catalog/datasets``.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, Literal, TypeVar

import msgspec

from yolokit.core.plural import describe_size
from yolokit.core.suggest import describe_unknown
from yolokit.core.task import Task
from yolokit.errors import DataError

Kind = Literal["coco", "dota", "imagenet", "backbone"]


Card = TypeVar("Card", "WeightsEntry", "DatasetCard")


class PublishedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file that somebody publishes.

    Attributes:
        file: Name of the file in the store; unique in it.
        urls: Where it is published, in the order in which they are tried.
        size_bytes: Exact size, or None where it is not publicly known.
        sha256: 64 hexadecimal digits, or None where they are not publicly known.
        hash_source: Where the hash is publicly stated.
    """

    file: str
    urls: tuple[str, ...]
    size_bytes: int | None = None
    sha256: str | None = None
    hash_source: str | None = None


class Published(PublishedFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published file of whatever kind, as the downloader takes it.

    Attributes:
        name: What it is called.
        license: SPDX identifier as far as one exists.
        sha256_prefix: The first digits, where only those are known (torchvision's file names).
    """

    name: str
    license: str
    sha256_prefix: str | None = None


class WeightsEntry(Published, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published file of weights; its name is what a user types, and the stem of its card.

    Attributes:
        task: What the network does as published.
        family: Architecture, e.g. ``yolo26``, ``darknet`` or ``torchvision``.
        scale: Size within the family, e.g. ``n``; None where there is only one.
        kind: What it was trained on (``coco``, ``dota``, ``imagenet``), or ``backbone`` where the
            file holds a backbone alone.
    """

    task: Task
    family: str
    scale: str | None = None
    kind: Kind


class ArchiveCard(PublishedFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One archive of a set.

    Attributes:
        holds: What is in it, in words.
        into: Sub-folder of the laid out set that it is unpacked into; empty for the set itself.
        about_bytes: The size as its publisher rounds it, where the exact one is not known.
    """

    holds: str
    into: str = ""
    about_bytes: int | None = None


class DatasetCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One public data set: what it is, where it is, and how its archives become a source.

    Attributes:
        name: What a user types, and the stem of the card's own file.
        title: What it shows.
        tasks: What it has labels for; the first is made where none is asked for.
        format: Name of the annotation format that it is published in.
        class_count: How many classes it has.
        splits: How many images each published split has; empty where there are none.
        image_license: Terms of the images, as an SPDX identifier where one exists.
        label_license: Terms of the annotations.
        homepage: Who publishes it.
        note: What one should know before using it: terms, accounts, oddities.
        archives: What is fetched.
        sources: What the conversion reads, below the folder of the laid out set; that is the
            folder in which all lies, where an archive has one that holds everything.
        images: Where the images are, if the annotations do not say so.
        split: How images are split by default; as ``data convert`` takes it.
        assume: Conventions of the source, each as ``KEY=VALUE``.
        data_yaml: The ``data.yaml`` that the archives do not hold, in a format that wants one.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    format: str
    class_count: int
    splits: dict[str, int] = {}
    image_license: str
    label_license: str
    homepage: str
    note: str | None = None
    archives: tuple[ArchiveCard, ...]
    sources: tuple[str, ...] = ("",)
    images: str | None = None
    split: str = "auto"
    assume: tuple[str, ...] = ()
    data_yaml: dict[str, Any] | None = None

    def describe_size(self) -> str:
        """Return the size of all archives together, as people read it."""
        total, exact = 0, True
        for archive in self.archives:
            size = archive.size_bytes or archive.about_bytes
            if size is None:
                return "size not stated"
            total += size
            exact = exact and archive.size_bytes is not None
        return ("" if exact else "about ") + describe_size(total)

    @property
    def terms(self) -> str:
        """The terms of images and annotations, in words."""
        if self.image_license == self.label_license:
            return self.image_license
        return f"images: {self.image_license}; annotations: {self.label_license}"

    def describe_archive(self, archive: ArchiveCard) -> Published:
        """Return what the card says of an archive, as the downloader takes it."""
        return Published(
            name=archive.file,
            file=archive.file,
            license=self.terms,
            urls=archive.urls,
            size_bytes=archive.size_bytes,
            sha256=archive.sha256,
            hash_source=archive.hash_source,
        )


def list_names() -> tuple[str, ...]:
    """Return the sorted names of all weights, reading none of the entries."""
    return _list_stems("weights")


def find_entry(name: str) -> WeightsEntry | None:
    """Return the entry of a name or of a file's name, or None."""
    plain, names = name.replace(":", "-"), list_names()
    for candidate in (plain, plain.removesuffix(".pt")):
        if candidate in names:
            return _read("weights", candidate, WeightsEntry)
    if name.endswith(".pth"):  # only torchvision's files are not named after their entries
        return next((entry for entry in list_entries() if entry.file == name), None)
    return None


def list_entries() -> list[WeightsEntry]:
    """Read all entries, in the order of their names."""
    return [_read("weights", name, WeightsEntry) for name in list_names()]


def list_dataset_names() -> tuple[str, ...]:
    """Return the sorted names of all cards, reading none of them."""
    return _list_stems("datasets")


def list_cards() -> list[DatasetCard]:
    """Read all cards, in the order of their names."""
    return [_read("datasets", name, DatasetCard) for name in list_dataset_names()]


def load_card(name: str) -> DatasetCard:
    """Read one card.

    Raises:
        DataError: There is no such card; the message suggests the nearest.
    """
    known = list_dataset_names()
    if name not in known:
        raise DataError(
            describe_unknown("data set", name, known), hint="`yolokit data list` shows all"
        )
    return _read("datasets", name, DatasetCard)


def _list_stems(kind: str) -> tuple[str, ...]:
    names = [file.name for file in _folder(kind).iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def _read(kind: str, name: str, card: type[Card]) -> Card:
    return msgspec.toml.decode((_folder(kind) / f"{name}.toml").read_bytes(), type=card)


def _folder(kind: str) -> resources.abc.Traversable:
    return resources.files("yolokit.hub") / "catalog" / kind
