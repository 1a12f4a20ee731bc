"""Where yolokit keeps what is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.files.own_folders import cache_dir, data_dir


def test_one_variable_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLOKIT_HOME", "/home/of/mine")
    monkeypatch.delenv("YOLOKIT_NO_CACHE", raising=False)
    assert data_dir("profiles") == Path("/home/of/mine/profiles")
    assert cache_dir("compiled") == Path("/home/of/mine/cache/compiled")


def test_the_platform_decides_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YOLOKIT_HOME", raising=False)
    monkeypatch.delenv("YOLOKIT_NO_CACHE", raising=False)
    cache, data = cache_dir("x"), data_dir("x")
    assert cache is not None
    assert cache != data
    assert "yolokit" in cache.parts
    assert "yolokit" in data.parts


@pytest.mark.parametrize(("value", "kept"), [("1", False), ("yes", False), ("0", True), ("", True)])
def test_nothing_is_kept_where_nothing_is_wanted(
    value: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLOKIT_NO_CACHE", value)
    assert (cache_dir("x") is not None) == kept
