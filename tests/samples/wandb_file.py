"""Reads the offline files of Weights & Biases by wandb's own reader, ``wandb leet inspect``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_offline(folder: Path) -> dict[str, Any]:
    """Return all parts of a run together: the steps with their figures, and how it ended."""
    found: dict[str, Any] = {"ids": set(), "steps": [], "summary": {}, "exits": [], "config": {}}
    for path in sorted(folder.glob("offline-run-*/*.wandb")):
        for record in _read_records(path):
            part = record.get(record["type"], {})
            if record["type"] == "run":
                found["ids"].add(part["run_id"])
                found["config"] |= part["config"]["update"]
            elif record["type"] == "summary":
                found["summary"] |= part["update"]
            elif record["type"] == "history":
                found["steps"].append((part["item"]["_step"], part["item"]))
            elif record["type"] == "exit":
                found["exits"].append(part.get("exit_code", 0))
    return found


def _read_records(path: Path) -> Iterator[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", path],
        env=os.environ | {"WANDB_ERROR_REPORTING": "false"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return map(json.loads, done.stdout.splitlines())
