"""Whether a file of a store is what it should be, what that judgement rests on, and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from yolokit.core.plural import describe_size
from yolokit.errors import FetchError
from yolokit.files.digest import digest_file
from yolokit.hub.urls import place_of

if TYPE_CHECKING:
    from yolokit.hub.resolve import Target

VERIFIED = "verified"
HOW_TO_REPLACE = (
    "nothing was changed; if the file is damaged, remove it and run the same command again; if it "
    "is meant to be another one, give it another name"
)

State = Literal["ok", "differs", "unverified", "not in catalog"]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What was found out about one file that is there; the detail says what it was compared with.

    ``differs`` is an error; ``unverified`` is published, but its hash is not; ``not in catalog`` is
    a file of the user's, with nothing to compare it with. The hash is that of the file now.
    """

    file: str
    state: State
    detail: str
    sha256: str
    size_bytes: int


def check_file(target: Target) -> FileCheck:
    """Hash a file and compare it with the catalog and the lock file.

    Raises:
        FetchError: It cannot be read, or is larger than any of its kind.
    """
    stock = target.stock
    found = digest_file(target.path, most_bytes=stock.most_bytes, kind=stock.kind, error=FetchError)
    state, detail = _judge(target, found.size_bytes, found.sha256)
    return FileCheck(target.path.name, state, detail, found.sha256, found.size_bytes)


def _judge(target: Target, size: int, sha256: str) -> tuple[State, str]:
    entry, locked = target.entry, target.locked
    fault = target.find_disagreement() or target.wanted.find_fault(size, sha256)
    if fault is not None:
        return "differs", fault
    if entry is not None and entry.sha256 is not None:
        return "ok", "as the catalog says"
    if locked is not None or target.sha256 is not None:
        return (
            "ok",
            f"as in {target.stock.lock_name} ({locked.hash_from})" if locked else "as stated",
        )
    if entry is None:
        return "not in catalog", "a file of yours: there is nothing to check it against"
    prefix = entry.sha256_prefix
    agrees = f"agrees with the {len(prefix)} digits in its name" if prefix else "no published hash"
    return "unverified", f"{agrees}; its first use locks it"


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
    if prefix:
        return f"checked against the {len(prefix)} digits in its name; locked now"
    return "unverified, locked now"


def no_hash(target: Target) -> FetchError:
    """Return the error for a file whose full hash nobody states."""
    return FetchError(
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
