"""What a provider is, and which there are.

A provider opens an ONNX file as an ``Engine``. Those that onnxruntime has built in share one opener
(``built_in``), as do those that come as libraries of their own (``plugin_library``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from yolokit.core.extras import install_command
from yolokit.core.plugins import list_plugins, load_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from yolokit.runtime.ports import Port

PACKAGE = "yolokit.runtime.providers"
PRECISIONS = ("fp32", "bf16", "fp16")

# Each stream holds the values between operators of one run: 40 MB of a yolo11n at 640 px.
_MOST_STREAMS = 4


class Engine(Protocol):
    """A model that is loaded and runs; safe to call from several threads.

    Attributes:
        inputs: The model's inputs.
        outputs: The model's outputs.
        notes: What users should know of how it was opened, in sentences.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    notes: tuple[str, ...]

    def run(
        self, feeds: Mapping[str, NDArray[np.generic]], output_names: Sequence[str]
    ) -> list[NDArray[Any]]:
        """Return the outputs of these names, as arrays that nothing overwrites.

        Raises:
            InferenceError: It failed; the message is the reason alone.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What a provider is opened with.

    Attributes:
        threads: Threads that run the model.
        precision: What it computes a model of FP32 in: one of ``PRECISIONS``.
        streams: Most callers at once, which share the threads; None for as many as are fastest,
            until ``Provider.settle`` has said how many that are.
        cache: Folder for compiled models; None where none are kept.
    """

    threads: int
    precision: str = "fp32"
    streams: int | None = 1
    cache: Path | None = None

    @property
    def stream_threads(self) -> int:
        """Threads of one stream: those inside one operator."""
        return self.threads // (self.streams or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What runs a model: the ``PROVIDER`` of a module called as users call it.

    Attributes:
        open: Opens an ONNX file. What it raises is an InferenceError whose message is the reason
            alone.
        version: Names the packages that bring it here, with their versions; None where it is not
            installed.
        rank: Its place among those that ``auto`` tries, the lowest first; None where it is left to
            those who ask for it.
        extra: The extra of yolokit that installs it, if there is one.
        install: Where else it comes from, in words for people.
        precisions: What it can compute a model of FP32 in, on hardware that has it.
        precisions_here: Asks this machine which of them it has; None where it has all.
        on_cores: Whether it computes on the cores of this machine. Threads within one run wait
            for each other at every operator, whole runs never do: over many images, several runs
            of few threads take less time than one after the other of many.
        explain: Makes of the reason of a failure what a user reads.
    """

    open: Callable[[Path, EngineOptions], Engine]
    version: Callable[[], str | None]
    rank: int | None = None
    extra: str | None = None
    install: str | None = None
    precisions: tuple[str, ...] = ("fp32",)
    precisions_here: Callable[[], tuple[str, ...]] | None = None
    on_cores: bool = False
    explain: Callable[[str], str] = str

    def settle(self, options: EngineOptions) -> EngineOptions:
        """Return options with the number of streams that the threads are enough for."""
        if not self.on_cores:
            return replace(options, streams=1)
        best = options.threads // math.ceil(options.threads / _MOST_STREAMS)
        return replace(
            options, streams=best if options.streams is None else min(options.streams, best)
        )

    def how_to_install(self) -> str:
        """Return the command that installs it, or where it comes from."""
        if self.extra is not None:
            return install_command(self.extra)
        return self.install or "a build of onnxruntime that has it"

    def list_precisions(self) -> tuple[str, ...]:
        """Return what it can compute a model of FP32 in, on this machine.

        Raises:
            InferenceError: Its library does not load; the message is the reason alone.
        """
        return self.precisions if self.precisions_here is None else self.precisions_here()


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
