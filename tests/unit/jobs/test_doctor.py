"""The doctor looks at what really loads, and says what to do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from yolokit.jobs import doctor
from yolokit.runtime import probe
from yolokit.runtime.probe import Probe
from yolokit.runtime.profiles import Profile, describe_machine, save_profile
from yolokit.runtime.providers.toolkit import list_providers


@pytest.fixture(autouse=True)
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting torch takes seconds and is tried elsewhere."""
    monkeypatch.setattr(doctor, "_examine_torch", lambda: iter(()))


def find(about: str) -> doctor.Finding:
    return next(finding for finding in doctor.examine() if finding.about == about)


def test_a_provider_is_tried_by_opening_a_model() -> None:
    finding = find("provider cpu")
    assert (finding.state, finding.advice) == ("ok", None)
    assert finding.detail.startswith("computes in fp32 (onnxruntime ")


def test_every_provider_is_listed_and_what_is_not_here_says_how_it_comes() -> None:
    found = [one for one in doctor.examine() if one.about.startswith("provider ")]
    assert sorted(one.about for one in found) == [f"provider {name}" for name in list_providers()]
    absent = {one.about: one.detail for one in found if one.state == "absent"}
    assert "--extra gpu" in absent["provider cuda"]


def test_an_installed_provider_that_does_not_load_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(name: str) -> Probe:
        return Probe(name=name, version="1", failure="it has no library", hint="install it")

    monkeypatch.setattr(probe, "probe_provider", refuse)
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
    assert find("onnxruntime").state == "warn"
    monkeypatch.setattr(doctor, "is_installed", lambda _module: False)
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


def test_profiles_are_told_with_what_became_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path))
    assert not [one for one in doctor.examine() if one.about == "profile"]
    profile = Profile(
        model="/models/best.onnx",
        sha256="0" * 64,
        machine=describe_machine(),
        provider="cpu",
        precision="fp32",
        threads=2,
        p50_ms=4.0,
        default_p50_ms=6.0,
        proof="equal",
        measured_at="2026-11-29T12:00:00+00:00",
    )
    path = save_profile(profile)
    finding = find("profile")
    expected = f"/models/best.onnx: cpu in fp32, 2 threads ({path})"
    assert (finding.state, finding.detail) == ("ok", expected)
    machine = msgspec.structs.replace(profile.machine, cpu="Another One")
    save_profile(msgspec.structs.replace(profile, machine=machine))
    finding = find("profile")
    assert finding.state == "warn"
    assert "is not used: it was measured on another machine" in finding.detail
    assert finding.advice == "`yolokit bench /models/best.onnx` measures it again"
    path.write_text("{")
    assert find("profile").advice == f"remove {path}"
