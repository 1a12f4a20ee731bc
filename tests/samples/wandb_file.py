"""Reads the offline files of Weights & Biases: wandb 0.31 can upload them, not read them.

Its records are wandb's own protobuf messages in the frames of LevelDB's log, after a header of
seven bytes: blocks of 32 KiB, in them frames of checksum (4), length (2), kind (1) and content.
"""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK, _FRAME, _HEADER = 32768, 7, 7
_WHOLE, _LAST = 1, 4


def read_offline(folder: Path) -> dict[str, Any]:
    """Return all parts of a run together: the steps with their figures, and how it ended."""
    found: dict[str, Any] = {"ids": set(), "steps": [], "summary": {}, "exits": [], "config": {}}
    for path in sorted(folder.glob("offline-run-*/*.wandb")):
        for record in _read_records(path.read_bytes()):
            if record.HasField("run"):
                found["ids"].add(record.run.run_id)
                found["config"] |= {
                    item.key: json.loads(item.value_json) for item in record.run.config.update
                }
            for item in record.summary.update:
                name = item.key or "/".join(item.nested_key)
                found["summary"][name] = json.loads(item.value_json)
            if record.HasField("history"):
                items = record.history.item
                figures = {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json)
                    for item in items
                }
                found["steps"].append((record.history.step.num, figures))
            if record.HasField("exit"):
                found["exits"].append(record.exit.exit_code)
    return found


def _read_records(content: bytes) -> Iterator[Any]:
    messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")

    assert content[:4] == b":W&B"
    at, whole = _HEADER, b""
    while at + _FRAME <= len(content):
        if at % _BLOCK > _BLOCK - _FRAME:  # what is left of a block that no frame fits into
            at += _BLOCK - at % _BLOCK
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        whole += content[at + _FRAME : at + _FRAME + length]
        at += _FRAME + length
        if kind in (_WHOLE, _LAST):
            record = messages.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""
