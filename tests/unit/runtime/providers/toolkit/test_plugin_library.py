"""Libraries that onnxruntime loads: each once, on the best device; failures have a reason."""

from __future__ import annotations

import sys
from importlib import metadata
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit import EngineOptions, Provider, plugin_library
from yolokit.runtime.providers.toolkit.plugin_library import plugged_in

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE, ORT_NAME = "onnxruntime_ep_mine", "MineExecutionProvider"
OPTIONS = EngineOptions(threads=1, precision="fp32")


class FakeOrt:
    """onnxruntime with libraries of our choice."""

    __version__ = "1.0"

    class SessionOptions:
        def __init__(self) -> None:
            self.added: list[tuple[str, dict[str, str]]] = []

        def add_session_config_entry(self, _key: str, _value: str) -> None:
            pass

        def add_provider_for_devices(self, devices: Any, options: dict[str, str]) -> None:
            self.added += [(device.device.type.name, options) for device in devices]

    def __init__(self, kinds: tuple[str, ...], loaded: tuple[str, ...] = (ORT_NAME,)) -> None:
        self._kinds, self._loaded = kinds, loaded
        self.registered: list[tuple[str, str]] = []
        self.added: list[tuple[str, dict[str, str]]] = []

    def register_execution_provider_library(self, name: str, path: str) -> None:
        if "broken" in path:
            raise RuntimeError(f"Failed to load library {path}: libcuda.so.1: not found")
        self.registered.append((name, path))

    def get_ep_devices(self) -> list[Any]:
        others = [("CPUExecutionProvider", "CPU")]
        return [
            SimpleNamespace(ep_name=name, device=SimpleNamespace(type=SimpleNamespace(name=kind)))
            for name, kind in (*others, *((ORT_NAME, kind) for kind in self._kinds))
        ]

    def InferenceSession(self, _path: str, *, sess_options: Any, **_: Any) -> Any:  # noqa: N802
        self.added = sess_options.added
        return SimpleNamespace(
            get_providers=lambda: self._loaded, get_inputs=list, get_outputs=list
        )


def install(
    monkeypatch: pytest.MonkeyPatch, ort: FakeOrt, library: str = "mine.so", **more: Any
) -> Provider:
    """Return the provider of a package that says where its library is."""
    package: Any = ModuleType(PACKAGE)
    package.get_library_path = lambda: library
    package.__spec__ = SimpleNamespace(origin="here")
    monkeypatch.setitem(sys.modules, PACKAGE, package)
    monkeypatch.setattr(plugin_library, "find_ort", lambda: ort)
    monkeypatch.setattr(plugin_library, "_REGISTERED", set())
    return plugged_in(PACKAGE, ORT_NAME, **{"devices": ("NPU", "GPU")} | more)


def test_a_library_is_loaded_once_and_gets_its_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ort = FakeOrt(("CPU", "GPU"))
    provider = install(monkeypatch, ort, configure=lambda path, _: {"folder": path.name})
    for name in ("a.onnx", "b.onnx"):
        provider.open(tmp_path / name, OPTIONS)
    assert ort.registered == [(ORT_NAME, "mine.so")]
    assert ort.added == [("GPU", {"folder": "b.onnx"})]


def test_the_best_kind_of_device_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ort = FakeOrt(("CPU", "GPU", "NPU"))
    install(monkeypatch, ort).open(tmp_path, OPTIONS)
    assert [kind for kind, _ in ort.added] == ["NPU"]


@pytest.mark.parametrize(
    ("ort", "library", "says"),
    [
        (FakeOrt(("CPU",)), "mine.so", "it finds no device"),
        (FakeOrt(("GPU",), loaded=()), "mine.so", "it takes no part of the model"),
        (FakeOrt(("GPU",)), "broken.so", r"libcuda\.so\.1: not found"),
    ],
)
def test_a_failure_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ort: FakeOrt, library: str, says: str
) -> None:
    with pytest.raises(InferenceError, match=says):
        install(monkeypatch, ort, library).open(tmp_path, OPTIONS)


def test_a_package_that_cannot_be_imported_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    provider = install(monkeypatch, FakeOrt(("GPU",)))
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(InferenceError, match=f"{PACKAGE} does not load"):
        provider.open(tmp_path, OPTIONS)


def test_the_version_is_that_of_both_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = install(monkeypatch, FakeOrt(()))
    monkeypatch.setattr(metadata, "version", lambda _name: "0.4")
    assert provider.version() == "onnxruntime-ep-mine 0.4, onnxruntime 1.0"
    monkeypatch.setattr(plugin_library, "find_ort", lambda: None)
    assert provider.version() is None
