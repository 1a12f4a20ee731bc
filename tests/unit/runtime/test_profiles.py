"""The profile of a machine: when it counts, when not, and what is said of that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from yolokit.files.digest import sha256_file
from yolokit.runtime import profiles
from yolokit.runtime.profiles import (
    SCHEMA_VERSION,
    Choice,
    Machine,
    Profile,
    choose_engine,
    describe_machine,
    find_profile,
    forget_profile,
    iter_profiles,
    keep_profile,
    save_profile,
)
from yolokit.runtime.providers.toolkit import list_providers, load_provider

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.events import Event

OPEN: dict[str, Any] = {"provider": "auto", "precision": None, "threads": None}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"a model")
    return path


def profile_of(model: Path, **changes: Any) -> Profile:
    values: dict[str, Any] = {
        "model": str(model.resolve()),
        "sha256": sha256_file(model),
        "machine": describe_machine(),
        "provider": "cpu",
        "precision": "fp32",
        "threads": 3,
        "p50_ms": 4.0,
        "default_p50_ms": 6.0,
        "proof": "equal",
        "measured_at": "2026-11-29T12:00:00+00:00",
    }
    return Profile(**(values | changes))


def test_a_profile_decides_where_nothing_is_given(model: Path, home: Path) -> None:
    profile = profile_of(model)
    assert save_profile(profile) == home / "profiles" / f"{profile.sha256}.json"
    chosen = choose_engine(model, **OPEN)
    assert chosen[:3] == ("cpu", "fp32", 3)
    assert chosen.profile == profile
    assert chosen.notes == (
        "runs on cpu in fp32 with 3 threads, which `yolokit bench` found best here (4 ms an image)",
    )


@pytest.mark.parametrize(
    "given", [{"provider": "openvino"}, {"precision": "fp32"}, {"threads": 1}], ids=str
)
def test_whoever_says_anything_decides_alone(model: Path, given: dict[str, Any]) -> None:
    save_profile(profile_of(model))
    asked = OPEN | given
    expected = Choice(asked["provider"], "fp32", asked["threads"])
    assert choose_engine(model, **asked) == expected


def test_without_a_profile_nothing_is_said(model: Path, tmp_path: Path) -> None:
    assert choose_engine(model, **OPEN) == Choice("auto", "fp32", None)
    save_profile(profile_of(model))
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another model")
    assert choose_engine(other, **OPEN) == Choice("auto", "fp32", None)
    assert choose_engine(tmp_path / "none.onnx", **OPEN) == Choice("auto", "fp32", None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cpu": "Another One"}, r"measured on another machine \(Another One, "),
        ({"cores": 512}, r"measured with 512 cores, now there (is|are) \d+$"),
        ({"versions": {"openvino": "1.0"}}, "openvino was 1.0, now it is gone|onnxruntime was not"),
    ],
    ids=["cpu", "cores", "versions"],
)
def test_a_stale_profile_is_not_used_and_the_reason_is_told(
    model: Path, change: dict[str, Any], reason: str
) -> None:
    machine = msgspec.structs.replace(describe_machine(), **change)
    save_profile(profile_of(model, machine=machine))
    found = find_profile(model)
    assert isinstance(found, str)
    assert found.startswith("is not used: ")
    assert re.search(reason, found), found
    chosen = choose_engine(model, **OPEN)
    assert chosen[:3] == ("auto", "fp32", None)
    assert chosen.notes == (
        f"what was found best for m.onnx {found}; `yolokit bench {model}` measures it again",
    )


def test_a_model_that_changed_needs_a_new_one(model: Path) -> None:
    save_profile(profile_of(model))
    model.write_bytes(b"trained on")
    assert find_profile(model) == "is not used: the file has changed since it was measured"


def test_a_copy_of_the_model_has_the_same_profile(model: Path, tmp_path: Path) -> None:
    save_profile(profile_of(model))
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(model.read_bytes())
    assert isinstance(find_profile(copy), Profile)


def test_what_is_not_a_profile_is_told_and_not_used(model: Path, home: Path) -> None:
    path = save_profile(profile_of(model))
    for content, reason in (
        (b"{", "cannot be read"),
        (b'{"threads": 0}', "cannot be read"),
        (b'{"model": "\xff"}', "cannot be read"),
        (b'{"more": ' + b"[" * 99_999 + b"]" * 99_999 + b"}", "cannot be read"),
        (
            msgspec.json.encode(profile_of(model, schema_version=SCHEMA_VERSION + 1)),
            "is of a newer yolokit",
        ),
    ):
        path.write_bytes(content)
        found = find_profile(model)
        assert isinstance(found, str)
        assert reason in found
        assert str(home) in found


def test_a_provider_that_is_not_known_is_not_used(model: Path) -> None:
    save_profile(profile_of(model, provider="abacus"))
    assert find_profile(model) == "is not used: abacus in fp32 is not known here"


def test_a_profile_is_forgotten_also_where_the_model_is_gone(model: Path) -> None:
    path = save_profile(profile_of(model))
    model.unlink()
    assert forget_profile(model) == [path]
    assert list(iter_profiles()) == []
    assert forget_profile(model) == []


def test_the_machine_is_what_a_time_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "read_cpu_name", lambda: None)
    machine = describe_machine()
    assert isinstance(machine, Machine)
    assert machine.cpu == "unknown"
    assert {"yolokit", "onnxruntime"} <= set(machine.versions)


def test_every_package_that_runs_models_is_looked_at() -> None:
    """A profile does not outlive another version of one."""
    commands = [load_provider(name).how_to_install() for name in list_providers()]
    named = {name for text in commands for name in re.findall(r"pip install ([\w-]+)", text)}
    assert "onnxruntime-ep-webgpu" in named
    assert named <= set(profiles._ENGINES)


def test_what_cannot_be_kept_is_told_and_ends_nothing(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    profile = profile_of(model)
    assert keep_profile(profile, told.append) == home / "profiles" / f"{profile.sha256}.json"
    assert not told
    monkeypatch.setenv("YOLOKIT_HOME", str(model))  # a file: no folder can be made in it
    assert keep_profile(profile, told.append) is None
    assert "cannot be kept: cannot make the folder" in str(told)
