"""``yolokit quickstart``: the whole job on drawn data, from annotations to boxes on a video."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.events import Notice, Phase, Progress, ignore
from yolokit.core.plural import counted
from yolokit.core.units import describe_rate, describe_seconds
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import SaveStartRequest, StartRequest
from yolokit.engine_protocol.shared import share_process
from yolokit.files.atomic import claim_folder
from yolokit.images.sheet import write_contact_sheet
from yolokit.jobs.quickstart_result import QuickstartResult, Score, Step, read_score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from yolokit.core.events import OnEvent
    from yolokit.jobs.demo import DemoResult

RUNS = Path("runs")
START = Path(__file__).parent / "assets" / "parts-n.pt"
IMAGES = 440
# Measured on the demo, in bf16 on two cores: mAP50 on the test split, and CPU time of the training.
#   18 epochs, steps of 64 images           0.955  about 250 s
#   6 epochs, steps of 16                   0.948   94 s
#   6 epochs, steps of 16, backbone frozen  0.940   63 s
#   8 epochs, steps of 16, backbone frozen  0.954, 0.966 and 0.967 (three seeds)  about 90 s
# At 256 px 6 such epochs reach 0.887. Those of 6 epochs are the trainer's own figures, the others
# those of the exported file.
TRAINING: dict[str, Any] = {
    "epochs": 8,
    "imgsz": 320,
    "batch": 16,
    "nbs": 16,
    "freeze": "backbone",
    "device": "cpu",
    "optimizer": "AdamW",
    "lr": 0.002,
    "warmup_epochs": 1.0,
    "schedule": "cosine",
    "close_mosaic": 2,
    "cache": "ram",
}
VIDEO_S = 8.0
_STEPS = 9
_SHEET_PICTURES = 12


class Quickstart:
    """Runs the steps in one folder, and keeps the account of them."""

    def __init__(self, folder: Path, on_event: OnEvent) -> None:
        self.folder = folder
        self.steps: list[Step] = []
        self._on_event = on_event
        self._data = folder / "dataset" / "data.yaml"

    def draw(self) -> DemoResult:
        """Draw the demo: images with COCO labels, and a video."""
        from yolokit.jobs.demo import VIDEO_FPS, write_demo

        out, what = self.folder / "demo", "drawing"
        total = IMAGES + round(VIDEO_S * VIDEO_FPS)
        purpose = "draw pictures of parts on a conveyor belt, with labels, and a video"
        with self._step(purpose, f"yolokit data demo --out {out} --images {IMAGES}") as done:
            self._on_event(Phase(what))
            result = write_demo(
                out,
                images=IMAGES,
                video_seconds=VIDEO_S,
                on_progress=lambda count: self._on_event(Progress(what, count, total)),
            )
            parts = counted(sum(result.parts.values()), "labelled part")
            done(f"{IMAGES} images, {parts}, a video of {VIDEO_S:g} s")
        return result

    def convert(self) -> None:
        """Convert the labels to YOLO."""
        from yolokit.convert.config import ConvertConfig
        from yolokit.convert.job import convert

        source, out = self.folder / "demo", self.folder / "dataset"
        purpose = "turn the labels into those that training reads, and count them"
        with self._step(purpose, f"yolokit data convert {source} --out {out}") as done:
            totals = convert(ConvertConfig(source, out)).totals
            labels = counted(totals.annotations_in, "label")
            done(f"{labels} in, {totals.kept} kept, {totals.dropped} dropped")

    def make_start(self) -> Path:
        """Write the model that training starts from: the shipped weights with a fresh head."""
        from yolokit.datasets.data_yaml import load_data_yaml

        names = list(load_data_yaml(self._data).names)
        start = self.folder / "start.pt"
        network = StartRequest(kind="network", weights=str(START), arch=None, names=names)
        request = SaveStartRequest(start=network, out=str(start), imgsz=TRAINING["imgsz"])
        run_job("start", request, log_path=self.folder / "start.log")
        return start

    def train(self) -> int:
        """Fine-tune the shipped weights on the demo, on the CPU; return the number of epochs."""
        import yaml

        from yolokit.train.config import TrainConfig
        from yolokit.train.run import train_model

        options = self.folder / "train-options.yaml"
        options.write_text(yaml.safe_dump(TRAINING, sort_keys=False), encoding="utf-8")
        out = self.folder / "train"
        command = (
            f"yolokit train --data {self._data} --weights {START} --config {options} --out {out}"
        )
        with self._step("train: show the network the labelled pictures", command) as done:
            config = TrainConfig.build({"data": self._data, "weights": str(START), **TRAINING})
            record = train_model(config, self._on_event, folder=out).record
            done(f"{counted(len(record.epochs), 'epoch')} in {record.precision} on the CPU")
        return len(record.epochs)

    def export(self, weights: Path, purpose: str, *, with_data: bool) -> int:
        """Export a model through the parity gate; return how many detections that compared."""
        from yolokit.export.config import ExportConfig
        from yolokit.export.run import export_model

        data = self._data if with_data else None
        command = f"yolokit export {weights}"
        if data is not None:
            command = f"yolokit export {weights} --data {data}"
        with self._step(purpose, command) as done:
            parity = export_model(ExportConfig(weights, data=data)).parity
            done(
                f"{parity.verdict}: {counted(parity.matched, 'detection')} compared on "
                f"{counted(parity.images, 'image')}, boxes within {parity.max_box_diff_px:.1g} px"
            )
        return parity.matched

    def evaluate(self, model: Path, out: Path, purpose: str) -> Score:
        """Evaluate a deployed file on the test split, and write its report to a folder."""
        from yolokit.evaluate.config import ValConfig
        from yolokit.evaluate.job import validate_model

        command = f"yolokit val {model} --data {self._data} --split test --report --out {out}"
        with self._step(purpose, command) as done:
            config = ValConfig(model, self._data, split="test", report=True, out=out)
            score = read_score(validate_model(config).report)
            done(f"mAP50 {score.map50:.3f}, mAP50-95 {score.map50_95:.3f}")
        return score

    def predict(self, model: Path, source: Path, out: Path, conf: float, purpose: str) -> None:
        """Find parts in images or in a video."""
        from yolokit.runtime.config import PredictConfig
        from yolokit.runtime.predict import predict_files

        command = f"yolokit predict {model} {source} --conf {conf} --out {out}"
        with self._step(purpose, command) as done:
            summary = predict_files(PredictConfig(model, source, conf=conf, out=out)).summary
            done(
                f"{counted(summary.frames, 'image')}, {counted(summary.detections, 'part')}, "
                f"{describe_rate(summary.frames / summary.wall_s, 'images')}"
            )

    @contextmanager
    def _step(self, purpose: str, command: str) -> Iterator[Callable[[str], None]]:
        """Time a step, and enter it in the account with the outcome that it tells."""
        self._on_event(Notice(f"\n{len(self.steps) + 1} of {_STEPS}: {purpose}\n$ {command}"))
        began = time.monotonic()
        outcome: list[str] = []
        yield outcome.append
        seconds = round(time.monotonic() - began, 1)
        self._on_event(Notice(f"  {outcome[0]} ({describe_seconds(seconds)})"))
        self.steps.append(
            Step(purpose=purpose, command=command, outcome=outcome[0], seconds=seconds)
        )


def run_quickstart(folder: Path | None, on_event: OnEvent = ignore) -> QuickstartResult:
    """Do the whole job on drawn data, in a folder that is given or a fresh one below ``runs``.

    Raises:
        OutputExistsError: ``folder`` exists.
        YolokitError: A step failed.
    """
    began = time.monotonic()
    folder = claim_folder(folder, parent=RUNS, stem="quickstart")
    with share_process():
        return _run(Quickstart(folder, on_event), began)


def _run(job: Quickstart, began: float) -> QuickstartResult:
    folder = job.folder
    demo = job.draw()
    job.convert()
    start = job.make_start()
    job.export(start, "write the untrained network as a file that runs", with_data=False)
    purpose = "test it before the training, on pictures kept apart"
    before = job.evaluate(start.with_suffix(".onnx"), folder / "test-before", purpose)
    epochs = job.train()
    best = folder / "train" / "best.pt"
    purpose = "write the trained network as a file, and prove that it is equal"
    matched = job.export(best, purpose, with_data=True)
    model, test = best.with_suffix(".onnx"), folder / "test"
    after = job.evaluate(model, test, "test the file on the same pictures, which it never saw")
    conf, images, video = round(after.conf, 2), folder / "predict-images", folder / "predict-video"
    tested, belt = folder / "dataset" / "images" / "test", folder / "demo" / "video" / "belt.mp4"
    job.predict(model, tested, images, conf, "draw what it finds in those pictures")
    job.predict(model, belt, video, conf, "draw what it finds in the video")
    sheet = folder / "contact-sheet.jpg"
    write_contact_sheet(sorted(images.rglob("*.jpg"))[:_SHEET_PICTURES], sheet)
    return QuickstartResult(
        folder=folder,
        classes=demo.classes,
        images=demo.images,
        epochs=epochs,
        steps=job.steps,
        before=before,
        after=after,
        map50_before=before.map50,
        map50_after=after.map50,
        map50_95_after=after.map50_95,
        matched=matched,
        files=_list_files(folder),
        seconds=round(time.monotonic() - began, 1),
    )


def _list_files(folder: Path) -> dict[str, Path]:
    """Return what to open, the most telling first."""
    train = folder / "train"
    return {
        "contact sheet": folder / "contact-sheet.jpg",
        "annotated video": next((folder / "predict-video").rglob("*.mp4")),
        "report of the training": train / "report.html",
        "report of the test": folder / "test" / "report.html",
        "annotated images": folder / "predict-images",
        "training curves": train / "curves.png",
        "model": train / "best.onnx",
        "proof of parity": train / "best.parity.json",
    }
