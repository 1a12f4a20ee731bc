"""A provider is tried in a process of its own, whose end is told whatever it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import yolokit.runtime.providers
from tests.contract.test_tasks import plugged_in
from yolokit.runtime import probe
from yolokit.runtime.probe import Probe, probe_provider

if TYPE_CHECKING:
    from pathlib import Path


def test_what_loads_says_its_precisions() -> None:
    found = probe_provider("cpu")
    assert (found.precisions, found.failure) == (("fp32",), None)
    assert str(found.version).startswith("onnxruntime ")


def test_what_is_not_installed_says_how() -> None:
    found = probe_provider("cuda")
    assert (found.version, found.failure) == (None, None)
    assert "--extra gpu" in str(found.hint)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals there")
def test_a_library_that_crashes_keeps_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import os, sys; print('no driver 12', file=sys.stderr, flush=True); os.abort()"
    monkeypatch.setattr(probe, "_command", lambda _name: [sys.executable, "-c", script])
    failure = probe_provider("cuda").failure
    assert failure == "its library ends the process with SIGABRT: no driver 12"


def test_one_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_S", 0.01)
    assert "within 0.01 s" in str(probe_provider("cpu").failure)


def test_one_that_refuses_says_why(tmp_path: Path) -> None:
    source = (
        "from yolokit.errors import InferenceError\n"
        "from yolokit.runtime.providers.toolkit import Provider\n"
        "def refuse(_path, _options):\n"
        "    raise InferenceError('the driver is too old')\n"
        "PROVIDER = Provider(open=refuse, version=lambda: 'mine 1')\n"
    )
    with plugged_in(yolokit.runtime.providers, tmp_path / "mine", "mine", source):
        found: Probe = probe._probe("mine")
    assert (found.precisions, found.failure) == ((), "the driver is too old")
