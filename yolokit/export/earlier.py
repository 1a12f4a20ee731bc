"""What an export writes, so that an earlier one is recognised among files of such names."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from yolokit.files.outputs import Result, read_object
from yolokit.runtime.manifest import METADATA_KEY

if TYPE_CHECKING:
    from pathlib import Path

# How protobuf writes an entry of a model's metadata: its key is field 1, its value field 2.
_KEY = METADATA_KEY.encode()
_ENTRY = b"\x0a" + bytes([len(_KEY)]) + _KEY + b"\x12"


def _recognise_model(path: Path) -> tuple[()] | None:
    """Look for our manifest without reading the graph; files of others do not have it."""
    if not path.stat().st_size:  # nothing to be mapped
        return None
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        return () if file.rfind(_ENTRY) >= 0 else None


def _recognise_proof(path: Path) -> tuple[()] | None:
    """Look for what the record of every gate holds."""
    return () if {"verdict", "model_sha256"} <= read_object(path).keys() else None


MODEL = Result(command="yolokit export", recognise=_recognise_model, is_folder=False)
PROOF = Result(command="yolokit export", recognise=_recognise_proof, is_folder=False)
