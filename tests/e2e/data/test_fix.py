"""``yolokit data fix`` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "yolokit", "data", "fix", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_broken_set_becomes_a_sound_one(
    squares: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    labels = squares.parent / "labels/train/0.txt"
    labels.write_text(labels.read_text() * 2)
    done = run(elsewhere, squares.parent, "--out", "mended")
    assert done.returncode == 0, done.stderr
    assert "1 excluded: repeated-label (the same label stands at 1 of" in done.stdout
    assert "yolokit data check mended" in done.stderr
    assert (elsewhere / "mended" / "data.yaml").is_file()
    again = run(elsewhere, squares.parent, "--out", "mended", "--json")
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    replaced = run(elsewhere, squares.parent, "--out", "mended", "--json", "--overwrite")
    assert json.loads(replaced.stdout)["codes"] == {"excluded: repeated-label": 1}


def test_real_labels_of_another_format_are_mended_too(bccd_source: Path, tmp_path: Path) -> None:
    done = run(tmp_path, bccd_source, "--out", "mended", "--json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["splits"]) == {"train", "val", "test"}


def test_what_is_not_a_set_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "nowhere", "--out", "mended")
    assert (done.returncode, "nowhere" in done.stderr) == (3, True)
    assert not (tmp_path / "mended").exists()
