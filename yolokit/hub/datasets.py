"""The catalog of public data sets: one TOML card a set, in ``hub/catalog/datasets``."""

from __future__ import annotations

from importlib import resources
from typing import Any

import msgspec

from yolokit.core.suggest import describe_unknown
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.hub.catalog import Published, list_stems
from yolokit.hub.messages import describe_size


class ArchiveCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One archive of a set.

    Attributes:
        file: Name of the file while it is kept; unique among all sets.
        holds: What is in it, in words.
        into: Sub-folder of the laid out set that it is unpacked into; empty for the set itself.
        urls: Where it is published, in the order in which they are tried.
        size_bytes: Exact size, or None where it is not publicly known.
        about_bytes: The size as its publisher rounds it, where the exact one is not known.
        sha256: 64 hexadecimal digits, or None where they are not publicly known.
        hash_source: Where the hash is publicly stated.
    """

    file: str
    holds: str
    into: str = ""
    urls: tuple[str, ...]
    size_bytes: int | None = None
    about_bytes: int | None = None
    sha256: str | None = None
    hash_source: str | None = None


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
        images: Where the images are, where the annotations do not lead there.
        split: How images are dealt out where nobody says it; as ``data convert`` takes it.
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


def list_dataset_names() -> tuple[str, ...]:
    """Return the sorted names of all cards, reading none of them."""
    return list_stems(_folder())


def list_cards() -> list[DatasetCard]:
    """Read all cards, in the order of their names."""
    return [_read(name) for name in list_dataset_names()]


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
    return _read(name)


def _read(name: str) -> DatasetCard:
    content = (_folder() / f"{name}.toml").read_bytes()
    return msgspec.toml.decode(content, type=DatasetCard)


def _folder() -> resources.abc.Traversable:
    return resources.files("yolokit.hub") / "catalog" / "datasets"
