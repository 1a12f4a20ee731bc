"""Providers that come as a library of their own, which the plain onnxruntime loads.

Each is a package that says where its library is, by ``get_library_path``:
onnxruntime.ai/docs/execution-providers/plugin-ep-libraries.
"""

from __future__ import annotations

import importlib
import threading
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

from yolokit.core.extras import is_installed
from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit import Provider
from yolokit.runtime.providers.toolkit.ort import (
    OrtEngine,
    find_ort,
    make_options,
    missing_ort,
    quoting_ort,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import Engine, EngineOptions

_LOCK = threading.Lock()
_REGISTERED: set[str] = set()  # packages whose libraries are loaded: each once a process


def plugged_in(
    package: str,
    ort_name: str,
    *,
    devices: tuple[str, ...],
    configure: Callable[[Path, EngineOptions], Mapping[str, str]] = lambda _path, _options: {},
    precisions: tuple[str, ...] = ("fp32",),
) -> Provider:
    """Return the provider of a package, which pip installs beside onnxruntime.

    Args:
        package: The module to import, such as ``onnxruntime_ep_webgpu``.
        ort_name: What onnxruntime calls the provider, such as ``WebGpuExecutionProvider``.
        devices: Kinds of devices to run on, the best first: ``GPU``, ``NPU``, ``CPU``.
        configure: Makes the provider's options of the model and the options of an engine.
        precisions: As in :class:`Provider`.
    """

    def open_engine(path: Path, options: EngineOptions) -> Engine:
        ort = find_ort()
        if ort is None:
            raise missing_ort()
        _register(ort, package, ort_name)
        session_options = make_options(ort, options)
        with quoting_ort():
            device = _choose_device(ort, ort_name, devices)
            session_options.add_provider_for_devices([device], dict(configure(path, options)))
        engine = OrtEngine(ort, path, session_options)
        if ort_name not in engine.loaded:
            raise InferenceError("it takes no part of the model")
        return engine

    return Provider(
        open=open_engine,
        version=partial(find_version, package),
        install=f"`pip install {package.replace('_', '-')}`, beside onnxruntime",
        precisions=precisions,
    )


def find_version(package: str) -> str | None:
    """Return the version of onnxruntime and of a package beside it; None without either."""
    ort = find_ort()
    if ort is None or not is_installed(package):
        return None
    name = package.replace("_", "-")
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:  # a variant, such as one for another CUDA
        name = metadata.packages_distributions().get(package, [name])[0]
        version = metadata.version(name)
    return f"{name} {version}, onnxruntime {ort.__version__}"


def _register(ort: Any, package: str, ort_name: str) -> None:
    """Have onnxruntime load the library of a package, if it has not yet."""
    with _LOCK:
        if package in _REGISTERED:
            return
        try:
            library = importlib.import_module(package).get_library_path()
        except (ImportError, OSError, RuntimeError) as error:
            raise InferenceError(f"{package} does not load: {error}") from error
        with quoting_ort():
            ort.register_execution_provider_library(ort_name, library)
        _REGISTERED.add(package)


def _choose_device(ort: Any, ort_name: str, kinds: tuple[str, ...]) -> Any:
    found = {
        device.device.type.name: device
        for device in reversed(ort.get_ep_devices())
        if device.ep_name == ort_name
    }
    for kind in kinds:
        if kind in found:
            return found[kind]
    raise InferenceError("it finds no device")
