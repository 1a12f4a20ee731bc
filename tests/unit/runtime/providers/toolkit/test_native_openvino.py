"""OpenVINO: what it computes in, what it is kept from, and what it leaves for the next start."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.errors import InferenceError, ProviderError
from yolokit.runtime.providers.toolkit import EngineOptions, native_openvino
from yolokit.runtime.providers.toolkit.native_openvino import OpenVinoEngine, list_precisions
from yolokit.runtime.session import open_session

if TYPE_CHECKING:
    from pathlib import Path

WHITE = np.ones((1, 3, 64, 64), np.float32)


def open_engine(path: Path, *, cache: Path | None = None, threads: int = 1) -> OpenVinoEngine:
    return OpenVinoEngine(path, EngineOptions(threads=threads, cache=cache), "CPU")


@pytest.fixture
def count_compiles(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The models that were compiled, and not taken from those that are kept."""
    compiled: list[Path] = []
    original = native_openvino._compile

    def compile_model(core: Any, path: Path, device: str, configured: dict[str, Any]) -> Any:
        compiled.append(path)
        return original(core, path, device, configured)

    monkeypatch.setattr(native_openvino, "_compile", compile_model)
    return compiled


def test_its_telemetry_is_never_imported() -> None:
    script = (
        "import sys; from yolokit.runtime.providers.toolkit.native_openvino import list_precisions;"
        "list_precisions('CPU'); import openvino.tools.ovc;"
        "print(sys.modules['openvino_telemetry'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


def test_another_precision_than_the_one_asked_for_is_refused(make_model: Any) -> None:
    """OpenVINO itself takes bf16 where a processor has no fp16, and says nothing."""
    lacking = next(name for name in ("fp16", "bf16") if name not in list_precisions("CPU"))
    options = EngineOptions(threads=1, precision=lacking)
    with pytest.raises(InferenceError, match=f"although {lacking} was asked for"):
        OpenVinoEngine(make_model(), options, "CPU")


def test_ports_have_the_names_of_the_file(tmp_path: Path) -> None:
    """An Identity at the end is taken away, and its tensor then has two names."""
    from onnx import TensorProto, helper, save

    nodes = [
        helper.make_node("Relu", ["images"], ["a/first"]),
        helper.make_node("Identity", ["a/first"], ["output0"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2])
        for name in ("images", "output0")
    ]
    graph = helper.make_graph(nodes, "two names", ports[:1], ports[1:])
    opset = helper.make_opsetid("", 17)
    save(helper.make_model(graph, opset_imports=[opset], ir_version=9), tmp_path / "m.onnx")
    engine = open_engine(tmp_path / "m.onnx")
    assert [port.name for port in engine.outputs] == ["output0"]
    (output,) = engine.run({"images": np.array([[-1, 2]], np.float32)}, ["output0"])
    assert output.tolist() == [[0, 2]]


def test_the_second_start_compiles_nothing(
    make_model: Any, tmp_path: Path, count_compiles: list[Path]
) -> None:
    path, cache = make_model(bright_scores=True), tmp_path / "cache"
    first, second = open_engine(path, cache=cache), open_engine(path, cache=cache)
    assert count_compiles == [path]
    assert (first.inputs, first.outputs) == (second.inputs, second.outputs)
    one, other = (engine.run({"images": WHITE}, ["output0"])[0] for engine in (first, second))
    np.testing.assert_array_equal(one, other)
    open_engine(path, cache=cache, threads=2)  # other options are another entry
    assert count_compiles == [path, path]
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"short", bytes(100_000)])
def test_a_damaged_entry_is_compiled_anew(
    make_model: Any, tmp_path: Path, count_compiles: list[Path], content: bytes
) -> None:
    path, cache = make_model(), tmp_path / "cache"
    open_engine(path, cache=cache)
    (entry,) = cache.iterdir()
    entry.write_bytes(content)
    open_engine(path, cache=cache).run({"images": WHITE}, ["output0"])
    assert len(count_compiles) == 2
    open_engine(path, cache=cache)  # the new entry is good
    assert len(count_compiles) == 2


def test_an_entry_that_openvino_refuses_is_compiled_anew(
    make_model: Any, tmp_path: Path, count_compiles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = make_model(), tmp_path / "cache"
    monkeypatch.setattr(native_openvino, "read_entry", lambda *_: b"of another version")
    open_engine(path, cache=cache).run({"images": WHITE}, ["output0"])
    assert count_compiles == [path]


def quantize(source: Path, path: Path, *, signed: bool) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class OneImage(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = [{"images": WHITE}]

        def get_next(self) -> dict[str, Any] | None:
            return self._left.pop() if self._left else None

    kind = QuantType.QInt8 if signed else QuantType.QUInt8
    quantize_static(source, path, OneImage(), activation_type=kind)
    return path


def test_signed_activations_are_refused_and_auto_says_so(tmp_path: Path, make_model: Any) -> None:
    path = quantize(make_model(bright_scores=True), tmp_path / "signed.onnx", signed=True)
    with pytest.raises(ProviderError, match="quantized as signed integers"):
        open_session(path, provider="openvino")
    session = open_session(path)
    assert session.provider == "cpu"
    assert "OpenVINO computes wrong" in session.skipped[0]


def test_unsigned_activations_are_computed_as_onnxruntime_does(
    tmp_path: Path, make_model: Any
) -> None:
    path = quantize(make_model(bright_scores=True), tmp_path / "unsigned.onnx", signed=False)
    ours, theirs = (
        open_session(path, provider=name, threads=1).run({"images": WHITE}, ["output0"])["output0"]
        for name in ("openvino", "cpu")
    )
    np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.3)
