"""``yolokit data demo`` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from yolokit.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "data", "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_command_draws_a_data_set(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    options = ("--out", str(out), "--images", "20", "--video-seconds", "0.4", "--seed", "3")
    done = _run(*options, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["classes"] == ["bolt", "nut", "washer", "gear"]
    assert sum(result["images"].values()) == len(list(out.rglob("*.jpg"))) == 20
    assert result["frames"] == 10
    assert (out / "video" / "belt.mp4").stat().st_size > 1000
    assert result["parts"]["test"] == len(
        json.loads((out / "annotations" / "test.json").read_bytes())["annotations"]
    )

    again = _run(*options)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert "Traceback" not in again.stderr

    replaced = _run(*options, "--overwrite", "--classes", "pretrain")
    assert replaced.returncode == 0, replaced.stderr
    assert replaced.stdout.splitlines()[-1] == str(out)
    assert "spanner" in (out / "annotations" / "val.json").read_text(encoding="utf-8")


def test_mistakes_are_reported_together_before_anything_is_written(tmp_path: Path) -> None:
    done = _run("--out", str(tmp_path / "d"), "--classes", "pretrian", "--images", "1")
    assert done.returncode == 2
    assert "did you mean 'pretrain'" in done.stderr
    assert "images must be from 20" in done.stderr
    assert list(tmp_path.iterdir()) == []
