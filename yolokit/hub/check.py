"""Whether a file of a store is what it should be, and what that judgement rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from yolokit.files.digest import digest_file

if TYPE_CHECKING:
    from yolokit.hub.target import Target

State = Literal["ok", "differs", "unverified", "not in catalog"]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What was found out about one file that is there.

    Attributes:
        file: Its name.
        state: ``differs`` is an error; ``unverified`` is published, but its hash is not;
            ``not in catalog`` is a file of the user's, with nothing to compare it with.
        detail: What it was compared with, in words.
        sha256: 64 hexadecimal digits, of the file as it is now.
        size_bytes: Its size.
    """

    file: str
    state: State
    detail: str
    sha256: str
    size_bytes: int


def check_file(target: Target) -> FileCheck:
    """Hash a file and compare it with the catalog and the lock file.

    Raises:
        WeightsError: It cannot be read, or is larger than any of its kind.
    """
    found = digest_file(target.path, most_bytes=target.stock.most_bytes, kind=target.stock.kind)
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
