"""What differs between the two stores that files are fetched into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """One kind of files that are fetched, locked and kept.

    Attributes:
        kind: Name of the store, see :func:`yolokit.hub.store.store_dir`.
        folder: Where in the store the files lie; empty for the store itself.
        lock_name: The store's lock file.
        mirror_variable: What names mirrors in the environment.
        carry: How to carry one to a machine without a network; ``{name}`` is what was asked for.
        most_bytes: Larger than any of them.
    """

    kind: str
    folder: str
    lock_name: str
    mirror_variable: str
    carry: str
    most_bytes: int


WEIGHTS = Stock(
    kind="weights",
    folder="",
    lock_name="weights.lock",
    mirror_variable="YOLOKIT_WEIGHTS_MIRROR",
    carry="on a machine with a network: `yolokit weights bundle {name} --out w.tar`; "
    "here: `yolokit weights import w.tar`",
    most_bytes=4 << 30,  # the largest of the catalog has a tenth of it
)
ARCHIVES = Stock(
    kind="datasets",
    folder=".archives",
    lock_name="datasets.lock",
    mirror_variable="YOLOKIT_DATA_MIRROR",
    carry="on a machine with a network: `yolokit data get {name} --keep-archive`; then copy the "
    "archives of its datasets/.archives to the same folder here",
    most_bytes=200 << 30,
)
