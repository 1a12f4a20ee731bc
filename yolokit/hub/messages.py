"""What is said about files: what is fetched, how its hash was known, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.errors import WeightsError
from yolokit.hub.urls import place_of

if TYPE_CHECKING:
    from yolokit.hub.target import Target

VERIFIED = "verified"
LOCKED_NOW = "unverified, locked now"
PREFIX_LOCKED_NOW = "checked against the {count} digits in its name; locked now"
HOW_TO_REPLACE = (
    "nothing was changed; if the file is damaged, remove it and run the same command again; if it "
    "is meant to be another one, give it another name"
)


def announce(target: Target, url: str) -> str:
    """Say what is about to be fetched: its name, from where, its size and its licence."""
    size = target.wanted.size_bytes
    facts = [describe_size(size) if size is not None else "size not stated"]
    facts.append(target.entry.license if target.entry else "licence not known")
    return f"fetching {target.title} from {place_of(url)} ({', '.join(facts)})"


def describe_known(target: Target) -> str:
    """Say what the hash of a file about to be used was compared with."""
    if target.known_sha256 is not None:
        return VERIFIED
    prefix = target.wanted.sha256_prefix
    return PREFIX_LOCKED_NOW.format(count=len(prefix)) if prefix else LOCKED_NOW


def describe_size(size_bytes: int) -> str:
    """Return a size as people read it."""
    if size_bytes < 1000:
        return counted(size_bytes, "byte")
    size, units = size_bytes / 1000, ("kB", "MB", "GB")
    for unit in units:
        if size < 999.95 or unit == units[-1]:
            return f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def no_hash(target: Target) -> WeightsError:
    """Return the error for a file whose full hash nobody states."""
    return WeightsError(
        f"{target.title}: neither the catalog nor {target.stock.lock_name} has its sha256, and "
        "--require-hash asks for it",
        hint="fetch it once without --require-hash and commit the lock file, or give its address "
        "with #sha256=DIGITS",
    )


def how_to_agree(target: Target) -> str:
    """Say what to do where stated hashes differ."""
    return (
        f"nothing is used while they differ; if {target.stock.lock_name} is wrong, remove the "
        "file's block from it"
    )
