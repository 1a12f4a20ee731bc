"""Where a checkpoint comes from: the chain of files that it was trained from.

The trainer writes the chain into every checkpoint that it saves, so that it goes wherever the file
goes and is there however the run ends. What it states is only a claim of the file; a ``run.json``
beside it that states the file's hash confirms it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from yolokit.checkpoints.reading import read_pickle

if TYPE_CHECKING:
    from pathlib import Path

# Attribute of every model that our trainer saves. Its value is one text rather than a dict, so that
# it is found in the pickle without loading or taking apart anything.
LINEAGE_KEY = "yolokit_lineage"
_STATED = re.compile(rb'\{"run":"[0-9a-f]{32}","ancestors":\[("[0-9a-f]{64}",?)*\]\}')

# The key in what ultralytics saves, perhaps put into the pickle's memo, and the opcode of a text.
_LICENSE = re.compile(rb"license(?:q.|r.{4}|\x94)?(?:X(.{4})|\x8c(.))", re.DOTALL)
_LICENSE_TEXT = re.compile(r"[ -~]{1,200}")

# Strict, since they are shown: a checkpoint may come from anywhere.
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
RunId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Chain = Annotated[list[Sha256], Meta(max_length=1000)]
Witness = Literal["run.json", "checkpoint"]


class WeightsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The file that a run started from.

    Attributes:
        path: Where it was.
        sha256: Its hash.
        name: Its name in the catalog, if it has one.
        url: Where it was fetched from, as far as that is known.
        chain: Hashes of the files that it descends from by earlier runs, oldest first; the last
            one is its own.
        chain_from: Who states that: ``run.json`` beside it, which has its hash, or the
            ``checkpoint`` itself; None where no run of ours is known to have saved it.
        license: Its licence as the catalog or else the file itself states it; None for neither.
    """

    path: str
    sha256: str
    name: str | None = None
    url: str | None = None
    chain: list[str] = []
    chain_from: Witness | None = None
    license: str | None = None


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about how a checkpoint came to be.

    Attributes:
        run: The ``id`` of the run that saved it; None where its record is too old to have one.
        ancestors: Hashes of the files that it descends from, oldest first; the last one is what
            its run started from. Empty where that was nothing.
        stated_by: As in ``WeightsRecord.chain_from``.
    """

    run: RunId | None = None
    ancestors: Chain
    stated_by: Witness = "checkpoint"


class _Saved(msgspec.Struct, frozen=True):
    """What a checkpoint states about itself."""

    run: RunId
    ancestors: Chain


class _Parent(msgspec.Struct, frozen=True):
    chain: Chain = []


class _Run(msgspec.Struct, frozen=True):
    """The part of a ``run.json`` that matters here: what the run started from, and what it made."""

    id: RunId | None = None
    weights: _Parent | None = None
    outputs: dict[str, str] = {}


def encode_lineage(run: str, ancestors: list[str]) -> str:
    """Return what the trainer writes into the checkpoints of a run."""
    return msgspec.json.encode(_Saved(run, ancestors)).decode()


def read_lineage(path: Path, sha256: str) -> Lineage | None:
    """Return what is known about how a checkpoint came to be; nothing in it is loaded or run.

    Args:
        path: An existing file.
        sha256: Its hash.

    Returns:
        None if neither the file nor a ``run.json`` beside it names a run that saved it.
    """
    return _ask_record(path, sha256) or _ask_checkpoint(path)


def read_license(path: Path) -> str | None:
    """Return the licence that a checkpoint states for itself; nothing in it is loaded or run."""
    content = read_pickle(path)
    found = _LICENSE.search(content)
    if found is None:
        return None
    length = int.from_bytes(found[1] or found[2], "little")
    text = content[found.end() : found.end() + length].decode("ascii", "replace")
    return text if _LICENSE_TEXT.fullmatch(text) else None


def _ask_record(path: Path, sha256: str) -> Lineage | None:
    """Read the ``run.json`` beside a file; it counts only if it states the file's hash."""
    record = path.parent / "run.json"
    if not record.is_file():
        return None
    try:
        run = msgspec.json.decode(record.read_bytes(), type=_Run)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # torn, or not ours
        return None
    if run.outputs.get(path.name) != sha256:
        return None
    ancestors = run.weights.chain if run.weights else []
    return Lineage(run=run.id, ancestors=ancestors, stated_by="run.json")


def _ask_checkpoint(path: Path) -> Lineage | None:
    _before, _key, content = read_pickle(path).partition(LINEAGE_KEY.encode())
    stated = _STATED.search(content)
    try:
        saved = msgspec.json.decode(stated[0] if stated else b"", type=_Saved)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # none, or not ours
        return None
    return Lineage(run=saved.run, ancestors=saved.ancestors)
