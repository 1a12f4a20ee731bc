"""Telemetry is refused before anybody can import onnxruntime, unless the user wants it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from yolokit.engine_protocol.child import child_environment

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "ORT_DISABLE_TELEMETRY"


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("0", "0"), ("true", "true")])
def test_importing_yolokit_refuses_unless_the_user_decided(given: str | None, found: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", f"import yolokit, os; print(os.environ[{VARIABLE!r}])"],
        env=environment | ({} if given is None else {VARIABLE: given}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == found


def test_the_engine_inherits_what_the_user_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "0")
    assert child_environment(tmp_path)[VARIABLE] == "0"


def test_what_the_engine_must_write_goes_with_it(tmp_path: Path) -> None:
    environment = child_environment(tmp_path)
    for name in ("YOLO_CONFIG_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR"):
        assert environment[name] == str(tmp_path)
