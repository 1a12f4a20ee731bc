"""What a run that ends badly leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.errors import ConfigError
from yolokit.train import run as runs
from yolokit.train.config import TrainConfig
from yolokit.train.record import DataRecord, RunRecord, read_record


def make_record(*resumed: str) -> RunRecord:
    data = DataRecord(path="d.yaml", sha256="", names=["a"], images={}, boxes={})
    return RunRecord(
        config=TrainConfig(data="d.yaml"), data=data, weights=None, arch=None, versions={},
        started="", resumed=list(resumed),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("resumed", "last", "kept"),
    [((), False, False), ((), True, True), (("now",), False, True), (("now",), True, True)],
)
def test_only_a_run_that_never_began_is_removed(
    tmp_path: Path, resumed: tuple[str, ...], last: bool, kept: bool
) -> None:
    """A resumed run whose device is gone must not lose its checkpoint."""
    folder = tmp_path / "run"
    folder.mkdir()
    if last:
        (folder / "last.pt").write_bytes(b"weights")
    error = ConfigError("device 0 was asked for")
    runs._close_failed(make_record(*resumed), folder, error)
    assert folder.exists() == kept
    assert (folder / "last.pt").exists() == last
    if kept:
        assert read_record(folder).state == "failed"
