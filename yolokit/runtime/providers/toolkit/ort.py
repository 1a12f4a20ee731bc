"""Models in onnxruntime: the only module that talks to it about sessions."""

from __future__ import annotations

import contextlib
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from yolokit.core.extras import missing
from yolokit.core.privacy import stop_telemetry
from yolokit.errors import InferenceError
from yolokit.runtime.ports import Port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from yolokit.errors import MissingDependencyError
    from yolokit.runtime.providers.toolkit import EngineOptions

# What its messages begin with: "[ONNXRuntimeError] : 1 : FAIL : ".
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ")

# Errors come as exceptions too, and warnings speak of the graph's details, not to users.
_FATAL = 4

# How long a thread of onnxruntime waits actively for work, in microseconds. Its own default keeps
# every core busy between operators: as fast on an idle machine (43.3 ms a yolo11n there, 43.6 with
# 20 us), but 1.6 times slower where anything else runs, such as our own decoding and encoding
# (142 ms against 88). Without any active waiting an idle machine needs 49 ms.
_SPIN_US = "50"


def find_ort() -> Any:
    """Import onnxruntime, silent and without telemetry; None where it is not installed.

    Raises:
        InferenceError: It is there and does not load; the message is the reason alone.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise InferenceError(f"onnxruntime does not load: {error}") from error
        return None
    except (ImportError, RuntimeError) as error:
        raise InferenceError(f"onnxruntime does not load: {error}") from error
    _silence(onnxruntime)
    return onnxruntime


@cache
def _silence(ort: Any) -> None:
    stop_telemetry(ort)
    ort.set_default_logger_severity(_FATAL)


def missing_ort() -> MissingDependencyError:
    """Return the error for a machine without onnxruntime."""
    return missing("onnxruntime", extra="cpu", purpose="Running a model")


def make_options(ort: Any, options: EngineOptions) -> Any:
    """Return onnxruntime's options of a session."""
    made = ort.SessionOptions()
    made.intra_op_num_threads = options.stream_threads
    made.inter_op_num_threads = 1
    made.log_severity_level = _FATAL
    made.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_US)
    return made


class OrtEngine:
    """A model in one session of onnxruntime, on the providers of ``chain`` where it has any.

    Attributes:
        inputs: The model's inputs.
        outputs: The model's outputs.
        notes: What users should know of how it was opened.
        loaded: What onnxruntime calls the providers that it really loaded.
    """

    def __init__(
        self, ort: Any, path: Path, session_options: Any, chain: Sequence[tuple[str, Any]] = ()
    ) -> None:
        """Load it.

        Raises:
            InferenceError: It does not load; the message is the reason alone.
        """
        chosen = {"providers": list(chain)} if chain else {}
        with warnings.catch_warnings(), quoting_ort():
            warnings.simplefilter("ignore")
            self._session = ort.InferenceSession(
                str(path), sess_options=session_options, enable_fallback=0, **chosen
            )
        self.inputs = tuple(_port(node) for node in self._session.get_inputs())
        self.outputs = tuple(_port(node) for node in self._session.get_outputs())
        self.notes: tuple[str, ...] = ()
        self.loaded: tuple[str, ...] = tuple(self._session.get_providers())

    def run(
        self, feeds: Mapping[str, NDArray[np.generic]], output_names: Sequence[str]
    ) -> list[NDArray[Any]]:
        """Return the outputs of these names; see :class:`Engine`."""
        with quoting_ort():
            return cast(list["NDArray[Any]"], self._session.run(list(output_names), dict(feeds)))


def _port(node: Any) -> Port:
    shape = tuple(axis if isinstance(axis, int) else None for axis in node.shape)
    return Port(node.name, shape, node.type)


@contextlib.contextmanager
def quoting_ort() -> Iterator[None]:
    """Turn what onnxruntime raises into an InferenceError that quotes its first line."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    values = vars(state).values()
    own = [value for value in values if isinstance(value, type) and issubclass(value, Exception)]
    mapped: tuple[type[Exception], ...] = (*own, RuntimeError, ValueError)
    try:
        yield
    except mapped as error:
        first_line = str(error).strip().split("\n", 1)[0]
        raise InferenceError(_PREFIX.sub("", first_line)) from error
