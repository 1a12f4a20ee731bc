"""The catalog of published weights: one TOML file an entry, in ``hub/catalog/weights``."""

from __future__ import annotations

from importlib import resources
from typing import Literal

import msgspec

from yolokit.core.suggest import describe_unknown
from yolokit.core.task import Task
from yolokit.errors import WeightsError

Kind = Literal["coco", "dota", "imagenet", "backbone"]


class Published(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published file, of whatever kind.

    Attributes:
        name: What it is called.
        file: Name of the file in the store.
        license: SPDX identifier as far as one exists.
        urls: Where it is published, in the order in which they are tried.
        size_bytes: Exact size, or None where it is not publicly known.
        sha256: 64 hexadecimal digits, or None where they are not publicly known.
        sha256_prefix: The first digits, where only those are known (torchvision's file names).
        hash_source: Where the hash is publicly stated.
    """

    name: str
    file: str
    license: str
    urls: tuple[str, ...]
    size_bytes: int | None = None
    sha256: str | None = None
    sha256_prefix: str | None = None
    hash_source: str | None = None


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


def list_names() -> tuple[str, ...]:
    """Return the sorted names of all entries, reading none of them."""
    return list_stems(_folder())


def list_stems(folder: resources.abc.Traversable) -> tuple[str, ...]:
    """Return the sorted stems of a folder's TOML files."""
    names = [file.name for file in folder.iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_entry(name: str) -> WeightsEntry:
    """Read one entry. ``torchvision:resnet50`` and ``torchvision-resnet50`` are the same name.

    Raises:
        WeightsError: There is no such entry; the message suggests the nearest.
    """
    entry = find_entry(name)
    if entry is None:
        raise WeightsError(
            describe_unknown("weights", name, list_names()), hint="`yolokit weights list` shows all"
        )
    return entry


def find_entry(name: str) -> WeightsEntry | None:
    """Return the entry of a name or of a file's name, or None."""
    plain, names = name.replace(":", "-"), list_names()
    for candidate in (plain, plain.removesuffix(".pt")):
        if candidate in names:
            return _read(candidate)
    if name.endswith(".pth"):  # only torchvision's files are not named after their entries
        return next((entry for entry in list_entries() if entry.file == name), None)
    return None


def list_entries() -> list[WeightsEntry]:
    """Read all entries, in the order of their names."""
    return [_read(name) for name in list_names()]


def _read(name: str) -> WeightsEntry:
    content = (_folder() / f"{name}.toml").read_bytes()
    return msgspec.toml.decode(content, type=WeightsEntry)


def _folder() -> resources.abc.Traversable:
    return resources.files("yolokit.hub") / "catalog" / "weights"
