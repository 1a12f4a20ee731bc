"""The main job on real data, as a user does it: VOC -> YOLO -> train -> ONNX -> boxes."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest

from tests.conftest import START, run_yolokit

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class TrainedBccd:
    """BCCD all the way: converted, trained for three epochs, exported."""

    workdir: Path
    data: Path
    run: Path
    model: Path
    train_log: str
    export_log: str


@pytest.fixture(scope="module")
def trained_bccd(bccd: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedBccd:
    """The README's commands on BCCD, once for all tests of this file."""
    workdir = tmp_path_factory.mktemp("bccd")
    run_yolokit("data", "convert", bccd, "--out", "datasets/bccd", cwd=workdir)
    data = workdir / "datasets" / "bccd" / "data.yaml"
    trained = run_yolokit(
        "train", "--data", data, "--weights", START, "--epochs", 3, "--imgsz", 320,
        "--batch", 16, "--device", "cpu", "--name", "bccd", cwd=workdir,
    )  # fmt: skip
    run = workdir / "runs" / "train" / "bccd"
    exported = run_yolokit("export", run / "best.pt", "--data", data, cwd=workdir)
    return TrainedBccd(
        workdir, data, run, run / "best.onnx", trained.stdout + trained.stderr, exported.stderr
    )


def test_the_run_folder_tells_everything(trained_bccd: TrainedBccd) -> None:
    record = json.loads((trained_bccd.run / "run.json").read_text())
    assert record["state"] == "complete"
    assert record["config"]["epochs"] == 3
    assert len(record["epochs"]) == 3
    assert {"mAP50", "mAP50-95", "train_box_loss", "val_box_loss"} <= record["epochs"][-1][
        "metrics"
    ].keys()
    assert len(record["data"]["sha256"]) == len(record["weights"]["sha256"]) == 64
    assert record["data"]["images"] == {"train": 205, "val": 87, "test": 72}
    assert record["versions"]["ultralytics"]
    assert record["device"] == "cpu"
    assert cv2.imread(str(trained_bccd.run / "curves.png")) is not None
    assert not (trained_bccd.run / "engine").exists(), "no working files are left"
    assert "epoch 3/3" in trained_bccd.train_log


def test_training_wrote_nothing_beside_the_data(trained_bccd: TrainedBccd) -> None:
    assert not list(trained_bccd.data.parent.rglob("*.cache"))


def test_training_asked_for_no_connection(trained_bccd: TrainedBccd) -> None:
    log = (trained_bccd.run / "train.log").read_text()
    assert "refused to reach" not in log
    assert "ultralytics" in log.lower()


def test_the_proof_of_parity(trained_bccd: TrainedBccd) -> None:
    proof = json.loads(trained_bccd.model.with_suffix(".parity.json").read_text())
    assert proof["verdict"] == "equal"
    assert proof["images"] >= 16
    assert proof["non_square_images"] >= 4
    assert proof["matched"] >= 20
    assert proof["unmatched"] == 0
    assert proof["max_input_diff"] == 0


def test_the_model_carries_its_manifest(trained_bccd: TrainedBccd) -> None:
    from yolokit.runtime.detector import Detector

    manifest = Detector.load(trained_bccd.model, provider="cpu").manifest
    assert set(manifest.head.names) == {"RBC", "WBC", "Platelets"}
    assert manifest.io.shape == (1, 3, 320, 320)
    record = json.loads((trained_bccd.run / "run.json").read_text())
    assert manifest.provenance.data_sha256 == record["data"]["sha256"]
    assert "AGPL" in manifest.provenance.license


def test_val_and_predict_on_images_and_video(trained_bccd: TrainedBccd, tmp_path: Path) -> None:
    model, data = trained_bccd.model, trained_bccd.data
    done = run_yolokit("val", model, "--data", data, "--split", "test", "--json", cwd=tmp_path)
    metrics = json.loads(done.stdout)
    assert metrics["overall"]["map50"] > 0.3

    images = data.parent / "images" / "test"
    run_yolokit("predict", model, images, "--out", "on-images", cwd=tmp_path)
    rows = (tmp_path / "on-images" / "predictions.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(row) for row in rows]
    assert len(records) == 72
    assert sum(len(record["detections"]) for record in records) > 50

    video = write_video(sorted(images.iterdir())[:12], tmp_path / "cells.mp4")
    run_yolokit("predict", model, video, "--out", "on-video", cwd=tmp_path)
    import av

    with av.open(str(next((tmp_path / "on-video").rglob("*.mp4")))) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert sum(1 for _ in container.decode(stream)) == 12


def write_video(pictures: list[Path], path: Path) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=6)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for picture in pictures:
            image = cv2.imread(str(picture))
            assert image is not None
            frame = av.VideoFrame.from_ndarray(image.astype("uint8"), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("dynamic", ["batch", "all"])
def test_dynamic_axes(trained_bccd: TrainedBccd, tmp_path: Path, dynamic: str) -> None:
    """Any batch is proved at 1 and 3; height and width vary with `all` alone."""
    import numpy as np

    from yolokit.runtime.detector import Detector

    out = tmp_path / f"{dynamic}.onnx"
    run_yolokit(
        "export", trained_bccd.run / "best.pt", "--dynamic", dynamic, "--out", out, cwd=tmp_path
    )
    detector = Detector.load(out, provider="cpu")
    one = np.random.default_rng(0).random((1, 3, 320, 320), dtype=np.float32)
    three = np.concatenate([one, one[:, :, ::-1], one[:, ::-1]])
    output = detector.manifest.head.output_name
    (alone,), together = detector.infer(one), detector.infer(three)
    assert len(together) == 3
    assert np.abs(together[0][output] - alone[output]).max() < 1e-3
    side = None if dynamic == "all" else 320
    assert detector.manifest.io.shape == (None, 3, side, side)
    if dynamic == "all":
        wide, _ = detector.preprocess(np.zeros((240, 640, 3), np.uint8))
        assert wide.shape == (1, 3, 128, 320)
        anchors = 128 * 320 // 64 + 128 * 320 // 256 + 128 * 320 // 1024
        assert detector.infer(wide)[0][output].shape[1] == anchors


@pytest.fixture
def checkpoint(trained_bccd: TrainedBccd, tmp_path: Path) -> Path:
    shutil.copy(trained_bccd.run / "best.pt", tmp_path / "best.pt")
    return tmp_path / "best.pt"


@pytest.mark.parametrize(("precision", "share"), [("fp16", 0.55), ("int8", 0.4)])
def test_lower_precisions_are_published_beside_fp32(
    trained_bccd: TrainedBccd, precision: str, share: float
) -> None:
    before = trained_bccd.model.read_bytes()
    run_yolokit(
        "export", trained_bccd.run / "best.pt", "--data", trained_bccd.data, "--precision",
        precision, "--allow-slower", cwd=trained_bccd.workdir,
    )  # fmt: skip
    model = trained_bccd.run / f"best.{precision}.onnx"
    assert trained_bccd.model.read_bytes() == before
    assert model.stat().st_size < share * len(before)
    assert str(trained_bccd.workdir).encode() not in model.read_bytes(), "a path of the machine"
    proof = json.loads(model.with_suffix(".parity.json").read_text())
    assert proof["verdict"] == "equal"
    assert proof["max_raw_box_diff_px"] > 0


def test_a_damaged_weight_is_not_published(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One convolution of the exported graph is changed by a tenth: the gate must refuse it."""
    import onnx
    from onnx import numpy_helper

    from yolokit.errors import ParityError
    from yolokit.export import run as export
    from yolokit.export.config import ExportConfig
    from yolokit.export.graph import simplify_graph

    def simplify_and_damage(src: Path, dst: Path) -> Path:
        simplify_graph(src, dst)
        model = onnx.load(dst)
        weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.1, weight.name))
        onnx.save(model, dst)
        return dst

    monkeypatch.setattr(export, "simplify_graph", simplify_and_damage)
    with pytest.raises(ParityError) as caught:
        export.export_model(ExportConfig.build({"weights": str(checkpoint)}))
    assert caught.value.exit_code == 5
    assert not checkpoint.with_suffix(".onnx").exists()
    failed = json.loads(checkpoint.with_suffix(".parity-failed.json").read_text())
    assert failed["verdict"] == "different"
    assert "raw" in failed["problems"][0]


@pytest.mark.parametrize("fault", ["swapped channels", "wrong letterbox"])
def test_a_wrong_preparation_is_not_published(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    import numpy as np

    from yolokit.errors import ParityError
    from yolokit.export import run as export
    from yolokit.export.config import ExportConfig
    from yolokit.runtime import detector
    from yolokit.runtime.model_input import make_input

    def make_wrongly(bgr: object, letterbox: object, io: object) -> object:
        tensor = make_input(bgr, letterbox, io)  # type: ignore[arg-type]
        if fault == "swapped channels":
            return np.ascontiguousarray(tensor[:, ::-1])
        return np.roll(tensor, 2, axis=2)

    monkeypatch.setattr(detector, "make_input", make_wrongly)
    with pytest.raises(ParityError, match="prepared inputs differ"):
        export.export_model(ExportConfig.build({"weights": str(checkpoint)}))
    assert not checkpoint.with_suffix(".onnx").exists()


def test_an_existing_model_is_not_overwritten(trained_bccd: TrainedBccd) -> None:
    before = trained_bccd.model.read_bytes()
    done = run_yolokit("export", trained_bccd.run / "best.pt", cwd=trained_bccd.workdir, code=2)
    assert "--overwrite" in done.stderr
    assert trained_bccd.model.read_bytes() == before


def test_a_run_never_overwrites_another(trained_bccd: TrainedBccd) -> None:
    done = run_yolokit(
        "train", "--data", trained_bccd.data, "--name", "bccd", cwd=trained_bccd.workdir, code=2
    )
    assert "already holds a run" in done.stderr


def test_a_complete_run_is_not_resumed(trained_bccd: TrainedBccd) -> None:
    done = run_yolokit("train", "--resume", "--name", "bccd", cwd=trained_bccd.workdir, code=1)
    assert "is complete" in done.stderr


def test_the_figures_of_the_trained_model_are_those_of_ultralytics(
    trained_bccd: TrainedBccd, tmp_path: Path
) -> None:
    from tests.e2e.test_val import upstream_val

    done = run_yolokit(
        "val", trained_bccd.model, "--data", trained_bccd.data, "--split", "test", "--json",
        cwd=tmp_path,
    )  # fmt: skip
    ours = json.loads(done.stdout)["overall"]
    theirs = upstream_val(trained_bccd.model, trained_bccd.data, "test", tmp_path)
    assert theirs["map50"] > 0.3, "a model that finds nothing proves nothing"
    assert ours["map50_95"] == pytest.approx(theirs["map50_95"], abs=0.005)
