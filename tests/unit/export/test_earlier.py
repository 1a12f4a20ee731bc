"""An earlier export is told from other models and other JSON files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from yolokit.errors import OutputExistsError
from yolokit.export.earlier import MODEL, PROOF
from yolokit.export.gates.parity import ParityReport
from yolokit.export.graph import finish_graph
from yolokit.export.tolerances import Tolerance
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


# As the first version with this gate wrote it.
FIRST_PROOF = """{
  "verdict": "equal", "problems": [], "images": 16, "non_square_images": 14, "threshold": 0.25,
  "matched": 53, "unmatched": 0, "ties": 0, "max_input_diff": 0.0,
  "max_raw_box_diff_px": 0.000091552734375, "max_raw_score_diff": 2.3990869522094727e-6,
  "max_box_diff_px": 0.0001220703125, "max_score_diff": 1.817941665649414e-6,
  "min_iou": 0.9999981005146926,
  "tolerance": {
    "input_abs": 1e-6, "box_abs_px": 0.01, "score_abs": 0.0001, "rel": 0.00001, "min_iou": 0.99,
    "score_diff": 0.001, "score_margin": 0.001
  },
  "image_names": ["shipped/00-480x360.jpg"], "model_sha256": "0", "weights_sha256": "0",
  "provider": "cpu"
}"""


def test_proofs(tmp_path: Path) -> None:
    path = tmp_path / "m.parity.json"
    path.write_text(FIRST_PROOF)
    check_output(path, Replacing(result=PROOF, wanted=True))
    report = msgspec.json.decode(FIRST_PROOF, type=ParityReport)
    assert report.tolerance == Tolerance()
    path.write_bytes(msgspec.json.encode(ParityReport()))
    check_output(path, Replacing(result=PROOF, wanted=True))
    path.write_text('{"verdict": "equal"}')
    with pytest.raises(OutputExistsError, match="not an earlier result of `yolokit export`"):
        check_output(path, Replacing(result=PROOF, wanted=True))
