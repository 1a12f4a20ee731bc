"""One onnxruntime session: the only module that talks to onnxruntime."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.extras import install_command, require
from yolokit.core.machine import usable_cores
from yolokit.core.privacy import stop_telemetry
from yolokit.core.suggest import describe_unknown, nearest
from yolokit.errors import ConfigError, InferenceError, ProviderError
from yolokit.files.file_kind import POINTER, read_kind
from yolokit.files.regular_file import is_there, why_no_file
from yolokit.runtime.providers.toolkit import list_auto, list_providers, load_provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

# Errors come as exceptions too, and warnings speak of the graph's details, not to users.
_FATAL = 4

# How long a thread of onnxruntime waits actively for work, in microseconds. Its own default keeps
# every core busy between operators: as fast on an idle machine (43.3 ms a yolo11n there, 43.6 with
# 20 us), but 1.6 times slower where anything else runs, such as our own decoding and encoding
# (142 ms against 88). Without any active waiting an idle machine needs 49 ms.
_SPIN_US = "50"

# What to do about another file that is given as a model, by its group.
_HINTS = {
    "checkpoint": "make an ONNX file of it with `yolokit export`",
    "model": "yolokit runs ONNX files; export one from the checkpoint with `yolokit export`",
}


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a model.

    Attributes:
        name: Its name in the graph.
        shape: Its axes; None where an axis is dynamic.
        type: Its onnxruntime type, e.g. ``tensor(float)``.
    """

    name: str
    shape: tuple[int | None, ...]
    type: str

    def image_axes(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Return the axes (B, 3, H, W) of an input of images.

        Raises:
            InferenceError: It has others.
        """
        if len(self.shape) != 4 or self.shape[1] not in (None, 3):
            raise InferenceError(
                f"the model takes an input of shape {show_shape(self.shape)}, "
                "not (batch, 3, height, width)"
            )
        batch, channels, height, width = self.shape
        return batch, channels, height, width


def show_shape(shape: tuple[int | None, ...]) -> str:
    """Return a shape for people, with ``?`` for an axis of any length."""
    return f"({', '.join('?' if axis is None else str(axis) for axis in shape)})"


class Session:
    """A loaded ONNX model on one execution provider.

    Attributes:
        path: The model file.
        provider: Short name of the provider that really runs it, e.g. ``cpu``.
        threads: Threads inside one operator.
        inputs: The model's inputs.
        outputs: The model's outputs.
        metadata: The key-value pairs stored in the file.
        skipped: Why providers that ``auto`` would rather have taken did not load.
    """

    def __init__(self, path: Path, provider: str, threads: int, ort_session: Any) -> None:
        self.path = path
        self.provider = provider
        self.threads = threads
        self.inputs = tuple(_port(node) for node in ort_session.get_inputs())
        self.outputs = tuple(_port(node) for node in ort_session.get_outputs())
        self.metadata: dict[str, str] = dict(ort_session.get_modelmeta().custom_metadata_map)
        self.skipped: tuple[str, ...] = ()
        self._ort = ort_session

    def run(
        self, feeds: Mapping[str, npt.NDArray[Any]], output_names: Sequence[str]
    ) -> dict[str, npt.NDArray[Any]]:
        """Run the model.

        Args:
            feeds: An array for each input by name, and for those that may be left out as wanted;
                an input in half precision takes float32 too.
            output_names: The outputs that are wanted; one of floats is given as float32.

        Raises:
            InferenceError: onnxruntime failed; its message is quoted.
        """
        half = {port.name for port in self.inputs if port.type == "tensor(float16)"}
        cast = {
            name: array.astype(np.float16, copy=False) if name in half else array
            for name, array in feeds.items()
        }
        shapes = ", ".join(str(array.shape) for array in cast.values())
        with _mapped(f"{self.path.name} failed on an input of shape {shapes}"):
            outputs = self._ort.run(list(output_names), cast)
        return {
            name: output.astype(np.float32, copy=False) if output.dtype.kind == "f" else output
            for name, output in zip(output_names, map(np.asarray, outputs), strict=True)
        }


def open_session(path: Path, *, provider: str = "auto", threads: int | None = None) -> Session:
    """Load an ONNX file; see ``Detector.load`` for the options and what is raised."""
    problems = check_options(provider=provider)
    if threads is not None and threads < 1:
        problems.append(f"threads: must be at least 1, not {threads}")
    if problems:
        raise ConfigError("the model cannot be opened with these options", problems=problems)
    check_model_file(path)
    ort = require("onnxruntime", extra="cpu", purpose="Running a model")
    stop_telemetry(ort)
    ort.set_default_logger_severity(_FATAL)
    count = usable_cores() if threads is None else threads
    try:
        if provider == "auto":
            return _open_best(ort, path, count)
        return _open_on(ort, path, provider, count)
    except InferenceError as error:
        kind = read_kind(path)
        if kind is None or isinstance(error, ProviderError):
            raise
        raise InferenceError(
            f"{path} is not an ONNX model: it is {kind.name}",
            hint=_HINTS.get(kind.group, kind.hint),
        ) from error


def check_options(*, provider: str) -> list[str]:
    """Return one sentence for each mistake in the options of a session."""
    known = ("auto", *list_providers())
    return [] if provider in known else [describe_unknown("provider", provider, known)]


def _open_best(ort: Any, path: Path, threads: int) -> Session:
    """Load a model on the best provider that really loads, and keep why better ones did not."""
    available = ort.get_available_providers()
    skipped: list[str] = []
    *better, last = (name for name in list_auto() if load_provider(name).ort_name in available)
    for candidate in better:
        try:
            session = _open_on(ort, path, candidate, threads)
            break
        except InferenceError as error:
            skipped.append(error.message)
    else:
        session = _open_on(ort, path, last, threads)
    session.skipped = tuple(skipped)
    return session


def _open_on(ort: Any, path: Path, provider: str, threads: int) -> Session:
    """Load a model on exactly one provider (with the CPU for what that one cannot run)."""
    wanted = load_provider(provider)
    if wanted.ort_name not in ort.get_available_providers():
        raise _not_in_build(ort, provider)
    if provider == "cpu":
        return Session(path, provider, threads, _make_session(ort, path, provider, threads))
    wanted.prepare(ort)
    try:
        ort_session = _make_session(ort, path, provider, threads)
    except InferenceError as error:
        _make_session(ort, path, "cpu", threads)  # raises if it is the model that is broken
        raise _does_not_load(ort, provider, error.message) from error
    if wanted.ort_name not in ort_session.get_providers():
        # onnxruntime itself goes on with the CPU in this case, and says so in its log alone.
        raise _does_not_load(ort, provider, "it finds no device")
    return Session(path, provider, threads, ort_session)


def _make_session(ort: Any, path: Path, provider: str, threads: int) -> Any:
    loaded = [load_provider(name) for name in dict.fromkeys((provider, "cpu"))]
    chain = [(one.ort_name, dict(one.options(threads))) for one in loaded]
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_US)
    with warnings.catch_warnings(), _mapped(f"{path} could not be loaded"):
        warnings.simplefilter("ignore")
        return ort.InferenceSession(
            str(path), sess_options=options, providers=chain, enable_fallback=0
        )


def _not_in_build(ort: Any, provider: str) -> ProviderError:
    short = {load_provider(name).ort_name: name for name in list_providers()}
    has = [short[name] for name in ort.get_available_providers() if name in short]
    extra = load_provider(provider).extra
    return ProviderError(
        f"the installed onnxruntime {ort.__version__} has no provider {provider!r}; "
        f"it has {', '.join(has)}",
        hint=install_command(extra) if extra else "use one of those, or --provider auto",
    )


def _does_not_load(ort: Any, provider: str, reason: str) -> ProviderError:
    return ProviderError(
        f"onnxruntime cannot load its provider {provider!r}: "
        f"{_library_failure(ort, provider) or reason}",
        hint="see `yolokit doctor`, or run with --provider auto",
    )


def _library_failure(ort: Any, provider: str) -> str | None:
    """Return why a provider's library does not load, in the system's words, or None if it does."""
    import ctypes

    stem = load_provider(provider).ort_name.removesuffix("ExecutionProvider").lower()
    folder = Path(ort.__file__).parent / "capi"
    for library in sorted(folder.glob(f"*onnxruntime_providers_{stem}.*")):
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            return str(error)
    return None


_EXPORT_FIRST = "it takes an ONNX file: `yolokit export BEST.pt` makes one of a checkpoint"


def check_model_file(path: Path) -> None:
    """Refuse a path that cannot be an ONNX file, without opening it.

    Raises:
        InferenceError: It is not there, not a file, or a checkpoint.
    """
    reason = why_no_file(path)
    if path.suffix.lower() in (".pt", ".pth"):
        if reason is None and read_kind(path) == POINTER:
            raise InferenceError(f"{path} is {POINTER.name}", hint=POINTER.hint)
        if not is_there(path):
            raise InferenceError(f"there is no file {path}", hint=_EXPORT_FIRST)
        raise InferenceError(
            f"{path} holds trained weights, not an ONNX model",
            hint=f"make one with `yolokit export {path}`",
        )
    if reason is None:
        return
    if is_there(path):
        inside = sorted(path.glob("*.onnx")) if path.is_dir() else []
        hint = f"did you mean {inside[0]}?" if inside else _EXPORT_FIRST
        raise InferenceError(f"{path} {reason}", hint=hint)
    siblings = [p.name for p in path.parent.glob("*.onnx")] if path.parent.is_dir() else []
    guess = nearest(path.name, siblings)
    raise InferenceError(
        f"there is no model {path}",
        hint=f"did you mean {path.with_name(guess)}?" if guess else _EXPORT_FIRST,
    )


def _port(node: Any) -> Port:
    shape = tuple(axis if isinstance(axis, int) else None for axis in node.shape)
    return Port(node.name, shape, node.type)


@contextlib.contextmanager
def _mapped(what: str) -> Iterator[None]:
    """Turn what onnxruntime raises into an InferenceError that quotes it."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    values = vars(state).values()
    own = [value for value in values if isinstance(value, type) and issubclass(value, Exception)]
    mapped: tuple[type[Exception], ...] = (*own, RuntimeError, ValueError)
    try:
        yield
    except mapped as error:
        first_line = str(error).strip().split("\n", 1)[0]
        raise InferenceError(f"{what}: {first_line}") from error
