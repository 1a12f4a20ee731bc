"""Try a provider on this machine, in a process of its own: its library may crash.

``python -m yolokit.runtime.probe NAME`` is that process. A name in a list says little: a tiny
model is really opened, in each precision.
"""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit import EngineOptions, load_provider

_TIMEOUT_S = 120
# A graph of one Relu over one float.
_TINY = base64.b64decode(
    "CAgSB3lvbG9raXQ6NwoMCgF4EgF5IgRSZWx1EgVwcm9iZVoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAES"
    "BAoCCAFCBAoAEA0="
)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do on this machine.

    Attributes:
        name: The provider.
        version: The packages that bring it; None where it is not installed.
        precisions: What it computes a model of FP32 in here; empty where it does not load.
        failure: Why it does not load.
        hint: What to do about that, or how to install it.
    """

    name: str
    version: str | None = None
    precisions: tuple[str, ...] = ()
    failure: str | None = None
    hint: str | None = None


def probe_provider(name: str) -> Probe:
    """Open a tiny model on a provider in each precision, in a process of its own."""
    try:
        done = subprocess.run(
            _command(name),
            capture_output=True, check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Probe(name=name, failure=f"it does not open a model within {_TIMEOUT_S} s")
    if done.returncode == 0:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Probe)
    return Probe(name=name, failure=_describe_crash(done.returncode, done.stderr))


def _command(name: str) -> list[str]:
    return [sys.executable, "-P", "-m", "yolokit.runtime.probe", name]


def _describe_crash(code: int, stderr: bytes) -> str:
    how = f"code {code}"
    if code < 0:
        named = {one.value: one.name for one in signal.Signals}
        how = named.get(-code, f"signal {-code}")
    said = stderr.decode("utf-8", "replace").strip().splitlines()
    return f"its library ends the process with {how}{f': {said[-1]}' if said else ''}"


def _probe(name: str) -> Probe:
    provider = load_provider(name)
    try:
        version = provider.version()
        if version is None:
            return Probe(name=name, hint=provider.how_to_install())
        with tempfile.TemporaryDirectory(prefix="yolokit-probe-") as folder:
            model = Path(folder) / "tiny.onnx"
            model.write_bytes(_TINY)
            precisions = provider.list_precisions()
            for precision in precisions:
                provider.open(model, EngineOptions(threads=1, precision=precision))
    except InferenceError as error:
        return Probe(name=name, failure=provider.explain(error.message), hint=error.hint)
    return Probe(name=name, version=version, precisions=precisions)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_probe(sys.argv[1])) + b"\n")
