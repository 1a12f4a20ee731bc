"""onnxruntime is imported silent, and its failure to load is a reason, not a traceback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit.ort import find_ort

if TYPE_CHECKING:
    from pathlib import Path


class FakeOrt:
    def __init__(self) -> None:
        self.is_quiet = False
        self.severity = 0

    def disable_telemetry_events(self) -> None:
        self.is_quiet = True

    def set_default_logger_severity(self, level: int) -> None:
        self.severity = level


@pytest.mark.parametrize(("value", "is_quiet"), [("1", True), ("0", False)])
def test_telemetry_is_stopped_unless_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, value: str, is_quiet: bool
) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", value)
    fake: Any = FakeOrt()
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    assert find_ort() is fake
    assert (fake.is_quiet, fake.severity) == (is_quiet, 4)


def test_none_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert find_ort() is None


@pytest.mark.parametrize("kind", ["ImportError", "RuntimeError"])
def test_one_that_does_not_load_says_why(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text(f"raise {kind}('libcudart.so.13: not found')\n")
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InferenceError, match=r"onnxruntime does not load: libcudart\.so\.13"):
        find_ort()
