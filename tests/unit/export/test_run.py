"""Where an export lands; a model and its proofs, or neither; what gates and quantizers get."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from tests.conftest import START
from tests.unit.export.parity.test_compare import FakeDetector
from tests.unit.export.test_samples import write_set
from tests.unit.runtime.conftest import save_model
from yolokit.core.plugins import list_plugins
from yolokit.errors import (
    ConfigError,
    ExportError,
    GateError,
    OutputExistsError,
    ParityError,
    WeightsError,
)
from yolokit.evaluate import checkpoint
from yolokit.export import gates, publish, quantizers, run
from yolokit.export.config import ExportConfig
from yolokit.export.gates.toolkit import Verdict, open_gates
from yolokit.export.graph import describe_graph
from yolokit.export.parity.report import ParityReport
from yolokit.export.publish import MODEL, PROOF, ExportArtifact
from yolokit.export.tolerances import TOLERANCES, Tolerance
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import Replacing, check_output
from yolokit.runtime.detector import Detector
from yolokit.runtime.manifest import ModelHead, ModelIO, ModelManifest, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.engine_protocol.requests import InferRequest


MANIFEST = ModelManifest(
    io=ModelIO(input_name="images", shape=(1, 3, 32, 32), input_wh=(32, 32)),
    head=ModelHead(output_name="out", layout="raw", names=("a",)),
    provenance=Provenance(),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(out: str | None, **options: Any) -> Path:
    config = ExportConfig.build({"weights": str(START), "out": out, **options})
    return publish.place(config, Path("runs/best.pt"), open_gates(config))[0]


@pytest.mark.parametrize(
    ("out", "path"),
    [
        (None, "runs/best.onnx"),
        ("mine.onnx", "mine.onnx"),
        ("new/mine.onnx", "new/mine.onnx"),
        ("there", "there/best.onnx"),
        ("there.onnx", "there.onnx/best.onnx"),
        ("v1.2", "v1.2/best.onnx"),
    ],
)
def test_out_is_a_file_or_a_folder_for_it(here: Path, out: str | None, path: str) -> None:
    for folder in ("there", "there.onnx", "v1.2"):
        (here / folder).mkdir()
    found = place(out)
    assert found == Path(path)
    assert found.parent.is_dir()


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_another_precision_has_a_name_of_its_own(precision: str, here: Path) -> None:
    (here / "there").mkdir()
    data = write_set(here / "set", train=3)
    for out, path in ((None, "runs"), ("there", "there")):
        found = place(out, precision=precision, data=data, max_map_drop=1)
        assert found == Path(path) / f"best.{precision}.onnx"
    assert place("a.onnx", precision=precision, data=data, max_map_drop=1) == Path("a.onnx")


def test_a_file_never_replaces_one_of_another_precision(here: Path) -> None:
    manifest = msgspec.structs.replace(MANIFEST, provenance=Provenance(precision="int8"))
    describe_graph(write_model(here / "other.onnx"), here / "m.onnx", manifest)
    with pytest.raises(ConfigError, match=r"m\.onnx holds the model in int8, which one in fp32 n"):
        place("m.onnx", overwrite=True)
    describe_graph(here / "other.onnx", here / "m.onnx", MANIFEST)
    assert place("m.onnx", overwrite=True) == Path("m.onnx")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "int8"}, "data: is missing: int8 finds the ranges of its numbers on images"),
        ({"precision": "int4"}, "precision: must be one of fp32, fp16, int8, not 'int4'"),
        ({"int8_for": "openvino"}, "int8_for: has no effect: fp32 has no ranges to find"),
        (
            {"precision": "fp16", "calibration_images": 9},
            "calibration_images: has no effect: fp16 has no ranges to find",
        ),
    ],
)
def test_options_of_a_precision_that_do_not_fit_are_told(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        ExportConfig.build({"weights": str(START), **options})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "best.onnx"),
        ({"embed": "pre"}, "best.pre.onnx"),
        ({"embed": "pre,nms"}, "best.pre-nms.onnx"),
        ({"head": "end2end"}, "best.end2end.onnx"),
        ({"head": "raw", "embed": "nms"}, "best.raw.nms.onnx"),
        ({"embed": "pre", "precision": "fp16"}, "best.pre.fp16.onnx"),
    ],
)
def test_each_kind_of_file_has_its_own_name(options: dict[str, str], name: str) -> None:
    assert place(None, **options) == Path("runs") / name


@pytest.mark.parametrize(
    ("imgsz", "sides"),
    [(320, (320, 320)), ("320", (320, 320)), ("320,640", (320, 640)), (" 64, 96", (64, 96))],
)
def test_an_input_may_have_two_sides(imgsz: Any, sides: tuple[int, int]) -> None:
    config = ExportConfig.build({"weights": str(START), "imgsz": imgsz})
    assert config.input_hw == sides
    assert ExportConfig.build({"weights": str(START)}).input_hw is None


@pytest.mark.parametrize("imgsz", [300, "320,300", "320,", ",", "320,640,3", "a", 16, 8224, "-32"])
def test_other_sides_are_a_mistake(imgsz: Any) -> None:
    with pytest.raises(ConfigError, match="imgsz: must be a side in px, or height and width"):
        ExportConfig.build({"weights": str(START), "imgsz": imgsz})


@pytest.mark.parametrize("dynamic", ["batch", "all"])
def test_a_file_that_takes_the_picture_takes_one_at_a_time(dynamic: str) -> None:
    with pytest.raises(ConfigError, match="one of any size at a time"):
        ExportConfig.build({"weights": str(START), "embed": "pre,nms", "dynamic": dynamic})
    ExportConfig.build({"weights": str(START), "embed": "nms", "dynamic": dynamic})


@pytest.mark.parametrize("out", ["best.engine", "best.onxx", "new/best.pt", "new"])
def test_anything_else_is_a_mistake(out: str) -> None:
    with pytest.raises(ConfigError, match="1 mistake") as caught:
        place(out)
    assert "must end with .onnx, or be a folder" in str(caught.value)


@pytest.mark.parametrize("name", ["best.onnx", "best.parity.json"])
def test_what_stands_in_the_way_is_told_before_any_work(here: Path, name: str) -> None:
    (here / "out" / name).mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be replaced: it is not a file"):
        place("out", overwrite=True)
    (here / "out" / name).rmdir()
    (here / "out" / name).touch()
    for overwrite in (False, True):  # nor is a file of somebody else's replaced
        with pytest.raises(OutputExistsError):
            place("out", overwrite=overwrite)
    with pytest.raises(ConfigError, match="cannot make the folder"):
        place(f"out/{name}/model.onnx")


@pytest.mark.parametrize(
    ("name", "words"),
    [("folder", "folder is a folder, not a checkpoint"), ("none", "there is no check")],
)
def test_weights_that_are_no_file(here: Path, name: str, words: str) -> None:
    (here / "folder").mkdir()
    with pytest.raises(WeightsError, match=words):
        run.export_model(ExportConfig.build({"weights": name}))


def test_no_proof_stays_without_its_model(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.replace

    def fail(part: Path, path: Path) -> Path:
        if path.suffix == ".onnx":
            raise OSError("the disk is full")
        return rename(part, path)

    (here / "made.onnx").write_bytes(b"model")
    verdicts = (Verdict("parity", (), ParityReport(verdict="equal")),)
    out = here / "best.onnx"
    manifest = FakeDetector.manifest
    replacing = Replacing(result=MODEL, wanted=False)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(Path, "replace", fail)
        publish.publish(here / "made.onnx", out, manifest, verdicts, replacing)
    assert not list(here.glob("*.parity.json"))
    artifact = publish.publish(here / "made.onnx", out, manifest, verdicts, replacing)
    assert artifact.path.read_bytes() == b"model"
    assert artifact.parity_path.is_file()
    assert artifact.parity.verdict == "equal"


class TestWhole:
    """An export from end to end, with a stand-in for the engine, which needs torch."""

    @pytest.fixture(autouse=True)
    def engine(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("onnxslim")
        save_model(here / "engine.onnx", bright_scores=True)
        trained = Detector.load(here / "engine.onnx", threads=1)

        def trace(config: Any, _weights: Any, _digest: Any, out: Path, _log: Any) -> Any:
            count = 1 if config.dynamic == "none" else "batch"
            shape, output_shape = (count, 3, 64, 64), (count, 6, 2)
            save_model(out, bright_scores=True, input_shape=shape, output_shape=output_shape)
            return {
                "input_wh": [64, 64], "input_name": "images", "output_name": "output0",
                "stride_px": 32, "layout": "raw", "is_usual_head": True, "names": ["nut", "bolt"],
                "architecture": "", "license": "", "versions": {},
            }  # fmt: skip

        def infer(_job: str, request: InferRequest, **_options: Any) -> dict[str, Any]:
            for path in Path(request.folder).glob("*.image.npy"):
                tensor, _ = trained.preprocess(np.load(path))
                (outputs,) = trained.infer(tensor)
                stem = path.name.removesuffix(".image.npy")
                np.save(path.with_name(f"{stem}.input.npy"), tensor)
                np.save(path.with_name(f"{stem}.output0.npy"), outputs["output0"][None])
            return {
                "names": ["nut", "bolt"], "layout": "raw", "outputs": ["output0"], "imgsz": 64,
                "stride_px": 32,
            }  # fmt: skip

        monkeypatch.setattr(run, "share_process", contextlib.nullcontext)
        monkeypatch.setattr(run, "_trace", trace)
        monkeypatch.setattr(checkpoint, "run_job", infer)

    @pytest.fixture
    def plugins(self, tmp_path: Path) -> Iterator[Path]:
        """A folder with ``gates`` and ``quantizers``, whose modules are those of yolokit too."""
        folder = tmp_path / "plugins"
        places = {"gates": gates.__path__, "quantizers": quantizers.__path__}
        for name, place in places.items():
            (folder / name).mkdir(parents=True)
            place.append(str(folder / name))
        list_plugins.cache_clear()
        yield folder
        for name, place in places.items():
            place.remove(str(folder / name))
        list_plugins.cache_clear()
        for name in ("yolokit.export.gates.second", "yolokit.export.quantizers.fake"):
            sys.modules.pop(name, None)

    def export(self, **options: Any) -> ExportArtifact:
        return run.export_model(
            ExportConfig.build({"weights": str(START), "out": "m.onnx", **options})
        )

    def test_a_model_is_published_with_the_record_of_its_gate(self, here: Path) -> None:
        artifact = self.export()
        assert artifact.path == Path("m.onnx")
        record = json.loads((here / "m.parity.json").read_text())
        assert record == msgspec.to_builtins(artifact.parity)
        assert list(record) == PARITY_KEYS
        assert record["verdict"] == "equal"
        assert record["images"] == 16
        assert record["tolerance"]["box_abs_px"] == 0.01
        assert record["model_sha256"] == sha256_file(here / "m.onnx")

    def test_the_proofs_of_an_earlier_file_do_not_stay_beside_a_new_one(self, here: Path) -> None:
        stale = {"verdict": "as good", "model_sha256": "0" * 64}
        Path("m.accuracy.json").write_text(json.dumps(stale))
        Path("m.speed-failed.json").write_text(json.dumps(stale))
        Path("m.speed.json").write_text("{}")  # somebody else's
        self.export()
        assert not Path("m.accuracy.json").exists()
        assert not Path("m.speed-failed.json").exists()
        assert Path("m.speed.json").read_text() == "{}"

    def test_its_description_lies_beside_it(self, here: Path) -> None:
        artifact = self.export(dynamic="batch")
        told = json.loads(artifact.description_path.read_text("utf-8"))
        assert artifact.description_path == Path("m.json")
        assert (told["file"], told["sha256"]) == ("m.onnx", sha256_file(here / "m.onnx"))
        assert told["inputs"][0]["shape"] == ["batch", 3, 64, 64]
        Path("m.json").write_text("{}")  # somebody else's
        with pytest.raises(OutputExistsError, match=r"m\.json cannot be replaced"):
            self.export(overwrite=True)

    def test_what_is_published_states_its_precision(self, here: Path) -> None:
        artifact = self.export(precision="fp16", allow_slower=True)
        assert artifact.parity.tolerance == TOLERANCES["fp16"]
        assert artifact.manifest.provenance.precision == "fp16"
        assert Detector.load(here / "m.onnx", provider="cpu").manifest == artifact.manifest

    @pytest.mark.parametrize("embed", ["pre", "nms", "pre,nms"])
    def test_parts_are_in_the_file_and_proved(self, here: Path, embed: str) -> None:
        artifact = self.export(embed=embed)
        assert artifact.parity.verdict == "equal"
        assert artifact.manifest.io.kind == ("image" if "pre" in embed else "tensor")
        assert artifact.manifest.head.layout == ("boxes" if "nms" in embed else "raw")
        content = (here / "m.onnx").read_bytes()
        for place in (str(here), "/tmp/", "site-packages", str(Path.home())):
            assert place.encode() not in content

    def test_a_batch_whose_images_are_mixed_up_is_caught(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.export(dynamic="batch").parity.verdict == "equal"
        infer = Detector.infer

        def mix_up(detector: Detector, tensor: Any, **options: Any) -> Any:
            outputs = infer(detector, tensor, **options)
            return outputs[::-1]

        monkeypatch.setattr(Detector, "infer", mix_up)
        with pytest.raises(ParityError, match="image 1 of a batch of 3 differs by"):
            self.export(dynamic="batch", overwrite=True)
        assert json.loads((here / "m.parity-failed.json").read_text())["verdict"] == "different"

    def test_a_gate_that_does_not_hold_leaves_its_record_alone(
        self, here: Path, plugins: Path
    ) -> None:
        (plugins / "gates" / "second.py").write_text(SECOND_GATE)
        with pytest.raises(GateError, match="the model is too slow; nothing was published") as e:
            self.export(opset=13)
        assert e.value.exit_code == 5
        assert e.value.hint == "all figures are in m.second-failed.json"
        assert sorted(path.name for path in here.glob("m.*")) == ["m.second-failed.json"]

        assert self.export().path.is_file()
        names = ["m.json", "m.onnx", "m.parity.json", "m.second.json"]
        assert sorted(path.name for path in here.glob("m.*")) == names
        with pytest.raises(OutputExistsError):
            self.export()
        Path("m.onnx").unlink()
        Path("m.parity.json").unlink()
        Path("m.json").unlink()
        with pytest.raises(OutputExistsError, match=r"m\.second\.json already exists"):
            self.export()

    def test_a_quantizer_never_sees_an_image_of_a_gate(
        self, here: Path, plugins: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (plugins / "quantizers" / "fake.py").write_text(QUANTIZER)
        (plugins / "gates" / "second.py").write_text(SECOND_GATE)
        monkeypatch.setitem(TOLERANCES, "fake", Tolerance(box_abs_px=7))
        data = write_set(here / "set", val=20, train=30)
        artifact = self.export(precision="fake", data=str(data), max_map_drop=1)
        calibrated = set(Path("calibrated.txt").read_text().split())
        gated = set(Path("gated.txt").read_text().split())
        assert len(calibrated) == 30 - 5, "five pictures of both splits are the same"
        assert len(gated) == 20
        assert not calibrated & gated
        assert artifact.manifest.provenance.precision == "fake"
        assert artifact.parity.tolerance.box_abs_px == 7

    def test_a_precision_without_a_tolerance_is_refused_before_any_work(
        self, plugins: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_images = QUANTIZER.replace("CALIBRATES = True", "CALIBRATES = False")
        (plugins / "quantizers" / "fake.py").write_text(without_images)
        monkeypatch.delattr(run, "_trace")
        with pytest.raises(ExportError, match="no parity tolerance for the precision fake"):
            self.export(precision="fake")


PARITY_KEYS = [
    "verdict", "problems", "images", "non_square_images", "threshold", "matched", "unmatched",
    "ties", "raw_outliers", "max_input_diff", "max_raw_box_diff_px", "max_raw_score_diff",
    "max_box_diff_px",
    "max_score_diff", "min_iou", "tolerance", "image_names", "model_sha256", "weights_sha256",
    "provider", "parent",
]  # fmt: skip

# Holds for models of the usual operator set; writes down what it looked at.
SECOND_GATE = """
import hashlib, msgspec
from pathlib import Path
from yolokit.errors import GateError
from yolokit.export.gates.toolkit import Verdict

class Record(msgspec.Struct):
    verdict: str
    model_sha256: str = ""

class Second:
    name, rank, complaint, error = "second", 9, "the model is too slow", GateError

    def __init__(self, opset):
        self.opset = opset

    def describe(self, candidate):
        return "measuring"

    def check(self, candidate):
        prepare = candidate.predictor.detector.preprocess
        inputs = [prepare(bgr)[0] for _, bgr in candidate.images]
        seen = [hashlib.sha256(one.tobytes()).hexdigest() for one in inputs]
        Path("gated.txt").write_text(" ".join(seen))
        problems = [] if self.opset == 17 else ["it takes 9 ms"]
        return Verdict(self.name, problems, Record("slow" if problems else "quick"))

def open_gate(config):
    return Second(config.opset)
"""

QUANTIZER = """
import hashlib
from pathlib import Path

CALIBRATES = True

def quantize(src, dst, calibration, settings, on_event):
    seen = [hashlib.sha256(one.tobytes()).hexdigest() for one in calibration]
    Path("calibrated.txt").write_text(" ".join(seen))
    dst.write_bytes(src.read_bytes())
"""


def write_model(path: Path) -> Path:
    onnx = pytest.importorskip("onnx")
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


def test_earlier_models_are_told_from_others(tmp_path: Path) -> None:
    other, ours = write_model(tmp_path / "other.onnx"), tmp_path / "ours.onnx"
    describe_graph(other, ours, MANIFEST)
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


def test_earlier_proofs_are_told_from_other_files(tmp_path: Path) -> None:
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
