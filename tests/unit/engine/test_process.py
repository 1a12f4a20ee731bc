"""What a person is told when torch or ultralytics fail."""

from __future__ import annotations

import subprocess

from yolokit.engine.process import explain


def test_a_failed_worker_is_named_and_not_its_command() -> None:
    failed = explain(subprocess.CalledProcessError(1, ["python", "-m", "torch"]), "TrainError")
    assert failed.message == "a worker failed: their launcher ended with 1"
    assert failed.hint is None, "the caller names the log"
