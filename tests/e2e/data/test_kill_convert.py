"""``kill -9`` at random moments of a conversion; ``tests/bench/kill_convert.py`` does more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.samples.kill import KillTrial, draw_voc, pack

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")


def test_five_moments(tmp_path: Path) -> None:
    source = draw_voc(tmp_path / "voc", 150)
    of_zip = KillTrial(pack(source, tmp_path / "set.zip"), tmp_path / "of-zip", 3)
    seen = [of_zip.run_once() for _ in range(5)]
    assert not [what for what in seen if what.startswith("broken")]
