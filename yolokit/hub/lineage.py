"""Where a checkpoint comes from: the chain of runs before it, read from the records beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class WeightsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The file that a run started from.

    Attributes:
        path: Where it was.
        sha256: Its hash.
        name: Its name in the catalog, if it has one.
        url: Where it was fetched from, as far as that is known.
        chain: Hashes of the files that it descends from by earlier runs, oldest first; the last
            one is its own. Each run's ``run.json`` states the hash of what it made.
    """

    path: str
    sha256: str
    name: str | None = None
    url: str | None = None
    chain: list[str] = []


class _Run(msgspec.Struct, frozen=True):
    """What matters here of a ``run.json``: what the run started from, and what it made."""

    weights: WeightsRecord | None = None
    outputs: dict[str, str] = {}


def read_ancestors(path: Path, sha256: str) -> list[str]:
    """Return the hashes that a checkpoint descends from, by the ``run.json`` beside it.

    It is believed only where it states the hash that the checkpoint has.
    """
    record = path.parent / "run.json"
    if not record.is_file():
        return []
    try:
        parent = msgspec.json.decode(record.read_bytes(), type=_Run)
    except (OSError, msgspec.DecodeError):  # somebody else's file of that name
        return []
    if parent.outputs.get(path.name) != sha256 or parent.weights is None:
        return []
    return parent.weights.chain
