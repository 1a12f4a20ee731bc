"""The doctor looks at what really loads, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.errors import ProviderError
from yolokit.jobs import doctor


@pytest.fixture(autouse=True)
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting torch takes seconds and is tried elsewhere."""
    monkeypatch.setattr(doctor, "_examine_torch", lambda: iter(()))


def find(about: str) -> doctor.Finding:
    return next(finding for finding in doctor.examine() if finding.about == about)


def test_a_provider_is_tried_by_making_a_session() -> None:
    assert find("provider cpu").state == "ok"


def test_a_listed_provider_that_does_not_load_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from yolokit.runtime import session

    def refuse(_path: Path, *, provider: str) -> None:
        raise ProviderError(f"{provider} has no library", hint="install it")

    monkeypatch.setattr(session, "open_session", refuse)
    finding = find("provider cpu")
    assert finding.state == "warn"
    assert "no library" in finding.detail
    assert finding.advice == "install it"


def test_a_missing_base_package_fails_and_a_missing_extra_warns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = doctor._version
    gone = {"numpy", "torch", "onnxruntime"}
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in gone else version(name))
    assert find("numpy").state == "fail"
    assert find("torch").state == "warn"
    assert "uv sync" in str(find("torch").advice)
    assert find("onnxruntime").state == "fail"


def test_two_builds_of_onnxruntime_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: "1.0" if "onnxruntime" in name else "1")
    assert "overwrite each other" in find("onnxruntime").detail


def test_folders_are_where_home_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path))
    finding = find("weights land in")
    assert str(tmp_path / "weights") in finding.detail
    assert "YOLOKIT_HOME" in finding.detail


@pytest.mark.parametrize(("value", "says"), [("1", "is off"), ("0", "is left on, as you set it")])
def test_telemetry_is_told(monkeypatch: pytest.MonkeyPatch, value: str, says: str) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", value)
    assert says in find("telemetry").detail
    stopped = [found.detail for found in doctor.examine() if found.about == "off in training"]
    assert any("ultralytics' analytics" in detail for detail in stopped)
