"""A file as OpenVINO compiles it: kept for the next start, refused, or with its inputs freed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from tests.unit.runtime.conftest import save_model
from yolokit.errors import ProviderError
from yolokit.runtime.detector import Detector
from yolokit.runtime.manifest import METADATA_KEY, encode_manifest
from yolokit.runtime.providers.toolkit import EngineOptions, openvino_model
from yolokit.runtime.providers.toolkit.native_openvino import OpenVinoEngine
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
    original = openvino_model._compile

    def compile_model(openvino: Any, core: Any, path: Path, *more: Any) -> Any:
        compiled.append(path)
        return original(openvino, core, path, *more)

    monkeypatch.setattr(openvino_model, "_compile", compile_model)
    return compiled


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
    content = msgspec.msgpack.encode(openvino_model._Kept(b"of another version", {}))
    monkeypatch.setattr(openvino_model, "read_entry", lambda *_: content)
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


@pytest.fixture
def asked_model(tmp_path: Path) -> Path:
    """A file whose thresholds are inputs with defaults."""
    import onnx

    from yolokit.export.embed.join import describe_embedded, embed_parts

    plain_path, path = save_model(tmp_path / "plain.onnx"), tmp_path / "asked.onnx"
    plain = Detector.load(plain_path, provider="cpu").manifest
    manifest = describe_embedded(plain, ("nms",))
    embed_parts(plain_path, path, plain, manifest)
    model = onnx.load(path)
    model.metadata_props.add(key=METADATA_KEY, value=encode_manifest(manifest))
    onnx.save(model, path)
    return path


def test_thresholds_that_are_inputs_are_obeyed_and_may_be_left_out(
    asked_model: Path, tmp_path: Path
) -> None:
    """OpenVINO reads such inputs as constants, so that every threshold would be the default."""
    image = np.full((64, 64, 3), 255, np.uint8)
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        engine = open_engine(asked_model, cache=cache)
        assert [port.name for port in engine.inputs] == ["images"]
        (count,) = engine.run({"images": WHITE}, ["count"])
        assert count.tolist() == [2]
        feeds = {"images": WHITE, "conf": np.array([0.85], np.float32)}
        (count,) = engine.run(feeds, ["count"])
        assert count.tolist() == [1]
    for conf, found in ((None, 2), (0.85, 1), (0.95, 0)):
        counts = [
            len(Detector.load(asked_model, provider=name, threads=1)(image, conf=conf))
            for name in ("cpu", "openvino")
        ]
        assert counts == [found, found]
