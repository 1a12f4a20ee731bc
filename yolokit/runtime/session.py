"""A loaded model, and the provider that is chosen to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.machine import usable_cores
from yolokit.core.suggest import describe_unknown
from yolokit.errors import ConfigError, InferenceError, ProviderError
from yolokit.files.own_folders import cache_dir
from yolokit.runtime.model_file import is_quantized, open_model_file
from yolokit.runtime.providers.toolkit import (
    PRECISIONS,
    EngineOptions,
    list_auto,
    list_providers,
    load_provider,
)
from yolokit.runtime.providers.toolkit.ort import missing_ort

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from yolokit.runtime.ports import Port
    from yolokit.runtime.providers.toolkit import Engine, Provider

COMPILED = "compiled"  # the folder of compiled models
_HALF = "tensor(float16)"


class Session:
    """A loaded ONNX model on one execution provider.

    Attributes:
        path: The model file.
        provider: Short name of the provider that really runs it, e.g. ``cpu``.
        precision: What a model of FP32 is computed in: ``fp32``, ``bf16`` or ``fp16``.
        threads: Threads that run the model.
        streams: How many callers of ``run`` at once are fastest; they share the threads.
        inputs: The model's inputs.
        outputs: The model's outputs.
        metadata: The key-value pairs stored in the file.
        is_quantized: The file computes in eight bits.
        skipped: Why providers that ``auto`` would rather have taken were not.
    """

    def __init__(
        self,
        path: Path,
        provider: str,
        options: EngineOptions,
        engine: Engine,
        metadata: Mapping[str, str],
    ) -> None:
        self.path = path
        self.provider = provider
        self.precision = options.precision
        self.threads = options.threads
        self.streams = options.streams or 1
        self.inputs: tuple[Port, ...] = engine.inputs
        self.outputs: tuple[Port, ...] = engine.outputs
        self.metadata = dict(metadata)
        self.is_quantized = False
        self.skipped: tuple[str, ...] = ()
        self._engine = engine
        self._halves = frozenset(port.name for port in engine.inputs if port.type == _HALF)

    @property
    def notes(self) -> tuple[str, ...]:
        """What users should know of how it was opened, in sentences."""
        return (*self.skipped, *self._engine.notes)

    def run(
        self, feeds: Mapping[str, NDArray[np.generic]], output_names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Run the model.

        Args:
            feeds: The inputs by name, each of its port's shape and type; float32 is fine where the
                port takes float16.
            output_names: The outputs that are wanted; those of floats come as float32.

        Raises:
            InferenceError: The provider failed; its message is quoted.
        """
        fed = {
            name: value.astype(np.float16) if name in self._halves else value
            for name, value in feeds.items()
        }
        try:
            outputs = self._engine.run(fed, output_names)
        except InferenceError as error:
            shapes = " and ".join(str(value.shape) for value in feeds.values())
            raise InferenceError(
                f"{self.path.name} failed on an input of shape {shapes}: {error.message}"
            ) from error
        return {
            name: _as_float32(output) for name, output in zip(output_names, outputs, strict=True)
        }


def _as_float32(output: NDArray[Any]) -> NDArray[Any]:
    is_float = np.issubdtype(output.dtype, np.floating)
    return output.astype(np.float32, copy=False) if is_float else output


def open_session(
    path: Path,
    *,
    provider: str = "auto",
    threads: int | None = None,
    precision: str = "fp32",
    streams: int | None = 1,
) -> Session:
    """Load an ONNX file; see ``Detector.load`` for the options and what is raised."""
    problems = check_options(provider=provider, precision=precision)
    if threads is not None and threads < 1:
        problems.append(f"threads: must be at least 1, not {threads}")
    if problems:
        raise ConfigError("the model cannot be opened with these options", problems=problems)
    metadata = open_model_file(path).metadata
    options = EngineOptions(
        threads=usable_cores() if threads is None else threads,
        precision=precision,
        streams=streams,
        cache=cache_dir(COMPILED),
    )
    if provider == "auto":
        name, engine, skipped = _open_best(path, options)
    else:
        name, engine, skipped = provider, _open_on(path, provider, options), []
    session = Session(path, name, load_provider(name).settle(options), engine, metadata)
    session.is_quantized = is_quantized(path)
    session.skipped = tuple(skipped)
    return session


def check_options(*, provider: str, precision: str | None = None) -> list[str]:
    """Return one sentence for each mistake in the options of a session."""
    known = ("auto", *list_providers())
    problems = [] if provider in known else [describe_unknown("provider", provider, known)]
    if precision not in (None, *PRECISIONS):
        problems.append(describe_unknown("precision", precision, PRECISIONS))
    return problems


def list_installed() -> list[str]:
    """Return the names of the providers that are installed here, the best one first."""
    ranked = list_auto()
    rest = [name for name in list_providers() if name not in ranked]
    return [name for name in (*ranked, *rest) if _is_installed(name)]


def _is_installed(name: str) -> bool:
    """Tell whether a provider is there.

    Which ones an onnxruntime has that does not load is not known: its failure is told of the CPU.
    """
    try:
        return load_provider(name).version() is not None
    except InferenceError:
        return name == "cpu"


def _open_best(path: Path, options: EngineOptions) -> tuple[str, Engine, list[str]]:
    """Open a model on the best provider that takes it, and tell why better ones did not."""
    installed = [name for name in list_auto() if _is_installed(name)]
    if not installed:
        raise missing_ort()
    skipped: list[ProviderError] = []
    for name in installed:
        try:
            return name, _open_on(path, name, options), [error.message for error in skipped]
        except ProviderError as error:
            skipped.append(error)
    tried = [error for error in skipped if not isinstance(error, _LacksPrecisionError)]
    raise tried[0] if tried else skipped[0]


class _LacksPrecisionError(ProviderError):
    """A provider does not compute in the precision that is asked for."""


def _open_on(path: Path, name: str, options: EngineOptions) -> Engine:
    """Open a model on exactly one provider, which may leave to the CPU what it does not have.

    Raises:
        ProviderError: It is the provider that does not take the model.
        InferenceError: It is the model that is broken.
    """
    provider = load_provider(name)
    try:
        if provider.version() is None:
            raise _not_installed(name)
        if not _has_precision(provider, options.precision):
            raise _lacks_precision(name, options.precision)
        return provider.open(path, provider.settle(options))
    except ProviderError:
        raise
    except InferenceError as error:
        if name == "cpu":
            raise InferenceError(f"{path} could not be loaded: {error.message}") from error
        _check_on_cpu(path, options.threads)
        raise ProviderError(
            f"the provider {name!r} cannot run {path.name}: {provider.explain(error.message)}",
            hint="see `yolokit doctor`, or run with --provider auto",
        ) from error


def _has_precision(provider: Provider, precision: str) -> bool:
    """Tell whether a provider has a precision here; what all hardware has is not asked for."""
    if precision == "fp32" or precision not in provider.precisions:
        return precision in provider.precisions
    return precision in provider.list_precisions()


def _check_on_cpu(path: Path, threads: int) -> None:
    """Raise an InferenceError if it is the model that is broken, as far as that can be told."""
    cpu = load_provider("cpu")
    try:
        if cpu.version() is None:
            return
    except InferenceError:  # nothing is known then; the caller raises what the provider said
        return
    try:
        cpu.open(path, EngineOptions(threads=threads))
    except InferenceError as error:
        raise InferenceError(f"{path} could not be loaded: {error.message}") from error


def _not_installed(name: str) -> ProviderError:
    here = ", ".join(list_installed()) or "none"
    return ProviderError(
        f"the provider {name!r} is not installed; the installed ones are: {here}",
        hint=f"to install it: {load_provider(name).how_to_install()}",
    )


def _lacks_precision(name: str, precision: str) -> _LacksPrecisionError:
    has = dict(_iter_precisions())
    who = [one for one, found in has.items() if precision in found]
    if who:
        return _LacksPrecisionError(
            f"the provider {name!r} does not compute in {precision}; "
            f"here {', '.join(who)} {'does' if len(who) == 1 else 'do'}",
            hint=f"use --provider {who[0]}, or --precision fp32",
        )
    listed = "; ".join(f"{one} has {', '.join(found)}" for one, found in has.items())
    return _LacksPrecisionError(
        f"no provider that is installed here computes in {precision}: {listed}",
        hint="use --precision fp32",
    )


def _iter_precisions() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the providers of this machine that load, each with its precisions."""
    for name in list_installed():
        try:
            yield name, load_provider(name).list_precisions()
        except InferenceError:  # told where it is asked for
            continue
