"""What a provider is, and which there are."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from yolokit.core.plugins import list_plugins, load_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PACKAGE = "yolokit.runtime.providers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One execution provider: the ``PROVIDER`` of a module called as users call it.

    Attributes:
        ort_name: What onnxruntime calls it.
        rank: Its place among those that ``auto`` tries, the lowest first; None where it is left to
            those who ask for it.
        extra: The extra of yolokit that brings a build with it, if there is one.
        options: Makes what onnxruntime gets with it from the number of threads.
        prepare: Called with onnxruntime before it is loaded.
    """

    ort_name: str
    rank: int | None = None
    extra: str | None = None
    options: Callable[[int], Mapping[str, str]] = lambda _threads: {}
    prepare: Callable[[Any], None] = lambda _ort: None


def list_providers() -> tuple[str, ...]:
    """Return the names of all providers, importing none."""
    return list_plugins(PACKAGE)


def load_provider(name: str) -> Provider:
    """Import one provider; if there is no such one, a ConfigError suggests the nearest."""
    return cast(Provider, load_plugin(PACKAGE, name, kind="provider").PROVIDER)


def list_auto() -> list[str]:
    """Return the names of the providers that ``auto`` tries, the best one first."""
    ranks = {name: load_provider(name).rank for name in list_providers()}
    tried = {name: rank for name, rank in ranks.items() if rank is not None}
    return sorted(tried, key=tried.__getitem__)


def preload_cuda(ort: Any) -> None:
    """Let onnxruntime find the CUDA libraries of the ``nvidia-*`` packages."""
    if hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints; stdout is for results
            ort.preload_dlls()
