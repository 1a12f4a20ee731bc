"""An earlier export is told from other models and other JSON files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from yolokit.errors import OutputExistsError
from yolokit.export.earlier import MODEL, PROOF
from yolokit.export.graph import finish_graph
from yolokit.export.verify import ParityReport
from yolokit.files.outputs import Replacing, check_output
from yolokit.runtime.manifest import ModelHead, ModelIO, ModelManifest, Provenance

onnx = pytest.importorskip("onnx")


def write_model(path: Path) -> Path:
    helper, float_ = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Relu", ["images"], ["out"])], "any",
        [helper.make_tensor_value_info("images", float_, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("out", float_, [1, 3, 32, 32])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"description": "yolokit", "names": "{0: 'yolokit'}"})
    onnx.save(model, path)
    return path


def test_models(tmp_path: Path) -> None:
    other, ours = write_model(tmp_path / "other.onnx"), tmp_path / "ours.onnx"
    manifest = ModelManifest(
        io=ModelIO(input_name="images", shape=(1, 3, 32, 32), input_wh=(32, 32)),
        head=ModelHead(output_name="out", layout="raw", names=("a",)),
        provenance=Provenance(),
    )
    finish_graph(other, ours, manifest)
    check_output(ours, Replacing(result=MODEL, wanted=True))
    (tmp_path / "photo.onnx").write_bytes(b"\xff\xd8")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "folder.onnx").mkdir()
    for path in (other, *(tmp_path / f"{name}.onnx" for name in ("photo", "empty", "folder"))):
        with pytest.raises(OutputExistsError):
            check_output(path, Replacing(result=MODEL, wanted=True))


def test_proofs(tmp_path: Path) -> None:
    path = tmp_path / "m.parity.json"
    path.write_bytes(msgspec.json.encode(ParityReport()))
    check_output(path, Replacing(result=PROOF, wanted=True))
    path.write_text('{"verdict": "equal"}')
    with pytest.raises(OutputExistsError, match="not an earlier result of `yolokit export`"):
        check_output(path, Replacing(result=PROOF, wanted=True))
