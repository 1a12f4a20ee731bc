"""Where checkpoints come from, read back from themselves and from the records beside them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.unit.checkpoints.test_reading import write_torch
from yolokit.checkpoints.lineage import (
    LINEAGE_KEY,
    Lineage,
    encode_lineage,
    read_license,
    read_lineage,
)
from yolokit.files.digest import sha256_file

A, B, RUN = "a" * 64, "b" * 64, "c" * 32


def save(path: Path, stated: str | None, *, protocol: int = 2, **also: object) -> Path:
    """Write a checkpoint as torch does, with what it states about itself."""
    path.parent.mkdir(exist_ok=True)
    model = {**also} if stated is None else {**also, LINEAGE_KEY: stated}
    return write_torch(path, pickle.dumps({"epoch": 1, "ema": model}, protocol=protocol))


def write_record(checkpoint: Path, parent: dict[str, Any] | None, **also: object) -> None:
    outputs = {checkpoint.name: sha256_file(checkpoint)}
    record = {"weights": parent, "outputs": outputs, **also}
    (checkpoint.parent / "run.json").write_text(json.dumps(record))


def read(path: Path) -> Lineage | None:
    return read_lineage(path, sha256_file(path))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("ancestors", [[], [A], [A, B], [A] * 1000])
def test_a_checkpoint_states_its_ancestors_wherever_it_lies(
    tmp_path: Path, ancestors: list[str], protocol: int
) -> None:
    stated = encode_lineage(RUN, ancestors)
    path = save(tmp_path / "anywhere.pt", stated, protocol=protocol, names={0: LINEAGE_KEY})
    assert read(path) == Lineage(run=RUN, ancestors=ancestors, stated_by="checkpoint")


def test_run_json_confirms_only_the_file_whose_hash_it_states(tmp_path: Path) -> None:
    path = save(tmp_path / "run" / "best.pt", encode_lineage(RUN, [A]))
    write_record(path, {"path": "/x", "sha256": A, "chain": [A]}, id=RUN)
    assert read(path) == Lineage(run=RUN, ancestors=[A], stated_by="run.json")
    save(path, encode_lineage("d" * 32, [B]))
    assert read(path) == Lineage(run="d" * 32, ancestors=[B], stated_by="checkpoint")
    (path.parent / "run.json").write_text('{"outputs": {"best.pt"')  # torn
    assert read(path) == Lineage(run="d" * 32, ancestors=[B], stated_by="checkpoint")


def test_a_record_from_before_checkpoints_stated_anything(tmp_path: Path) -> None:
    path = save(tmp_path / "run" / "best.pt", None)
    write_record(path, {"path": "/x", "sha256": A, "chain": [A]})
    assert read(path) == Lineage(run=None, ancestors=[A], stated_by="run.json")
    write_record(path, None)
    assert read(path) == Lineage(run=None, ancestors=[], stated_by="run.json")
    for nonsense in (b"[]", b'{"id": "\xff"}', b'{"x": ' + b"[" * 99_999 + b"]" * 99_999 + b"}"):
        (path.parent / "run.json").write_bytes(nonsense)
        assert read(path) is None


@pytest.mark.parametrize(
    "stated",
    [
        "", "[]", "{}", "{",
        json.dumps({"run": "\x1b[2J" * 8, "ancestors": []}),  # nothing that a terminal would obey
        json.dumps({"run": RUN + "\n", "ancestors": []}),
        json.dumps({"run": RUN, "ancestors": ["\x1b[2J"]}),
        json.dumps({"run": RUN, "ancestors": [A] * 1001}),
        encode_lineage(RUN, [A] * 1001),
        encode_lineage(RUN, [A])[:-1],
    ],
)  # fmt: skip
def test_what_is_not_ours_is_not_believed(tmp_path: Path, stated: str) -> None:
    assert read(save(tmp_path / "a.pt", stated)) is None


def test_what_is_no_checkpoint_has_no_lineage(tmp_path: Path) -> None:
    path = tmp_path / "yolov3.weights"
    for content in (b"", b"PK\x03\x04" + bytes(50), bytes(100)):
        path.write_bytes(content)
        assert read(path) is None


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_the_licence_that_a_file_states(tmp_path: Path, protocol: int) -> None:
    text = "AGPL-3.0 (https://ultralytics.com/license)"
    saved = pickle.dumps({"epoch": 1, "license": text}, protocol=protocol)
    assert read_license(write_torch(tmp_path / "a.pt", saved)) == text
    bad = pickle.dumps({"epoch": 1, "license": "\x1b[2J"}, protocol=protocol)
    assert read_license(write_torch(tmp_path / "b.pt", bad)) is None
    assert read_license(write_torch(tmp_path / "c.pt", pickle.dumps({"epoch": 1}))) is None
