"""The other end of a process that times a model: starts it, asks it, leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from yolokit import errors
from yolokit.errors import InferenceError, YolokitError
from yolokit.runtime.timing.orders import (
    MARK,
    Answer,
    AnyAnswer,
    Compute,
    Computed,
    Failed,
    Measure,
    Measured,
    Open,
    Opened,
    Order,
    Predict,
    Predicted,
    TimingSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import IO, Self

    from yolokit.runtime.tasks.toolkit import Outputs

OPEN_LIMIT_S = 600.0  # TensorRT compiles for minutes
ANSWER_LIMIT_S = 120.0  # beside the seconds that a measurement is given
_END_S = 2.0
_COMMAND = (sys.executable, "-P", "-m", "yolokit.runtime.timing.child")
_SIGKILL = 9

_decoder = msgspec.json.Decoder(AnyAnswer)
A = TypeVar("A", bound=Answer)


class TimedModel:
    """A model in a process of its own, which computes only while it is asked to.

    A context manager: the process ends with it, and with the process that started it. ``variables``
    are added to its environment.

    Attributes:
        pid: The process.
        spec: What it is.
        opened: What the process said of it.
        start_s: From the start of the process to the model's being open.

    Raises:
        YolokitError: As ``Detector.load``, where the model cannot be opened.
        InferenceError: The process died or hung; the message says how.
    """

    def __init__(
        self,
        spec: TimingSpec,
        *,
        open_limit_s: float = OPEN_LIMIT_S,
        answer_limit_s: float = ANSWER_LIMIT_S,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self._answer_limit_s = answer_limit_s
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        start_s = time.perf_counter()
        self._process = _start(self._log, variables or {})
        self.pid = self._process.pid
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.opened = self._ask(Open(spec), Opened, open_limit_s)
        except BaseException:
            self.close()
            raise
        self.start_s = time.perf_counter() - start_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def measure(self, *, runs: int, seconds: float, warm_up: int) -> Measured:
        """Time ``runs`` runs, or as many as fit into ``seconds``: one at least."""
        limit_s = seconds + self._answer_limit_s
        return self._ask(Measure(runs, seconds, warm_up), Measured, limit_s)

    def compute(self) -> list[tuple[int, Outputs]]:
        """Return what the model gives for each picture at each place of a batch.

        Returns:
            Pairs: index of the picture in ``spec.images``, and its outputs by name.
        """
        import numpy as np

        with tempfile.TemporaryDirectory(prefix="yolokit-") as folder:
            path = Path(folder) / "outputs.npz"
            self._ask(Compute(str(path)), Computed, self._answer_limit_s)
            found: dict[tuple[int, int], dict[str, np.ndarray]] = {}
            with np.load(path, allow_pickle=False) as arrays:
                for key in arrays.files:
                    picture, place, name = key.split("/", 2)
                    found.setdefault((int(picture), int(place)), {})[name] = arrays[key]
        return [(picture, outputs) for (picture, _), outputs in found.items()]

    def predict(self, sources: Sequence[str], folder: Path, seconds: float) -> Predicted:
        """Run the whole of ``yolokit predict`` for some seconds; ``folder`` must not exist."""
        order = Predict(tuple(sources), str(folder), seconds)
        return self._ask(order, Predicted, seconds + self._answer_limit_s)

    def close(self) -> None:
        """End the process, at the latest two seconds from now."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def _listen(self) -> None:
        """Queue each answer; an empty one when there will be none any more."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed meanwhile
            for line in self._process.stdout:
                if line.startswith(MARK):  # else it is what something printed before it began
                    self._answers.put(line.removeprefix(MARK))
        self._answers.put(b"")

    def _ask(self, order: Order, wanted: type[A], limit_s: float) -> A:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone: its end says why
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            self._process.stdin.flush()
        try:
            line = self._answers.get(timeout=limit_s)
        except queue.Empty:
            self._kill()
            raise InferenceError(f"{self._name()} did not answer within {limit_s:.0f} s") from None
        if not line:
            self._answers.put(b"")  # for the next one who asks
            raise self._explain_end()
        answer = _decoder.decode(line)
        if isinstance(answer, Failed):
            kind: type[YolokitError] = getattr(errors, answer.kind, InferenceError)
            raise kind(answer.message, hint=answer.hint)
        assert isinstance(answer, wanted)
        return answer

    def _name(self) -> str:
        spec = self.spec
        return f"the process that ran {spec.model} on {spec.provider} in {spec.precision}"

    def _explain_end(self) -> InferenceError:
        code = self._process.wait()
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
        said = f": {last[0]}" if last else ""
        if code == -_SIGKILL:
            why = f"was ended by the system (signal {_SIGKILL}), as where memory runs out"
        else:
            why = f"ended with signal {-code}" if code < 0 else f"ended with exit code {code}"
        return InferenceError(f"{self._name()} {why}{said}")

    def _kill(self) -> None:
        """Kill the process and what it started; it leads a group of its own."""
        if sys.platform == "win32":
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _start(log: IO[bytes], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    new_group = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    # A group of its own: Ctrl-C reaches the parent alone, which then ends the child.
    return subprocess.Popen(
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, "PYTHONSAFEPATH": "1", **variables},
        **new_group,
    )
