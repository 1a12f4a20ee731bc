"""Chains of runs, read back from their records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yolokit.core.files import sha256_file
from yolokit.hub.lineage import read_ancestors


def write_run(folder: Path, content: bytes, parent: dict[str, Any] | None) -> Path:
    folder.mkdir()
    (folder / "best.pt").write_bytes(content)
    outputs = {"best.pt": sha256_file(folder / "best.pt")}
    (folder / "run.json").write_text(json.dumps({"weights": parent, "outputs": outputs}))
    return folder / "best.pt"


def test_a_chain_of_runs_can_be_read_back(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", b"a", {"path": "/x", "sha256": "f" * 64, "chain": ["f" * 64]})
    own = sha256_file(first)
    assert read_ancestors(first, own) == ["f" * 64]
    second = {"path": str(first), "sha256": own, "chain": ["f" * 64, own]}
    third = write_run(tmp_path / "b", b"b", second)
    assert read_ancestors(third, sha256_file(third)) == ["f" * 64, own]


def test_a_run_json_that_states_another_hash_is_not_believed(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", b"a", {"path": "/x", "sha256": "f", "chain": ["f"]})
    path.write_bytes(b"changed")
    assert read_ancestors(path, sha256_file(path)) == []
    (path.parent / "run.json").write_text("[]")
    assert read_ancestors(path, sha256_file(path)) == []
