"""A missing optional package names its command, and never one that could fetch a stranger's."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from yolokit.core.extras import _SYNC, install_command, is_installed, require
from yolokit.errors import MissingDependencyError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_present_module_is_returned() -> None:
    assert require("json", extra="cpu", purpose="Reading").dumps([]) == "[]"


def test_a_missing_one_is_a_clear_error() -> None:
    with pytest.raises(MissingDependencyError, match="Reading needs nowhere_to_be_found") as caught:
        require("nowhere_to_be_found", extra="cpu", purpose="Reading")
    assert caught.value.exit_code == 7
    assert caught.value.hint


@pytest.mark.parametrize("extra", list(_SYNC))
def test_no_hint_installs_by_name_from_an_index(extra: str) -> None:
    command = install_command(extra)
    assert "uv sync" in command or "checkout" in command
    assert "install yolokit" not in command
    assert 'install "yolokit' not in command


def test_a_folder_of_that_name_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of exported models may well be called ``openvino``."""
    (tmp_path / "some_engine").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importlib.util.find_spec("some_engine") is not None
    assert not is_installed("some_engine")
    assert is_installed("numpy")
