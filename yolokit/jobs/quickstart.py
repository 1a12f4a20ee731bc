"""``yolokit quickstart``: the whole job on drawn data, from annotations to boxes on a video."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.events import Notice, ignore
from yolokit.core.plural import counted
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import SaveStartRequest, StartRequest
from yolokit.files.atomic import claim_folder
from yolokit.images.sheet import write_contact_sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from yolokit.core.events import OnEvent
    from yolokit.evaluate.job import ValReport
    from yolokit.export.run import ExportArtifact
    from yolokit.train.run import TrainRun

RUNS = Path("runs")
START = Path(__file__).parent / "assets" / "parts-n.pt"
IMAGES = 440
TRAINING: dict[str, Any] = {
    "epochs": 18,
    "imgsz": 320,
    "batch": 16,
    "device": "cpu",
    "optimizer": "AdamW",
    "lr0": 0.002,
    "warmup_epochs": 1.0,
    "cos_lr": True,
    "close_mosaic": 3,
    "cache": "ram",
    "validate": False,
}
VIDEO_S = 8.0
_SHEET_PICTURES = 12


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step that was done: its command, what came out, and how long it took."""

    command: str
    outcome: str
    seconds: float


class QuickstartResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a quickstart.

    Attributes:
        folder: Everything is in it.
        steps: What was done, in order.
        map50_before: mAP50 on the test split of the model that training started from.
        map50_after: mAP50 after fine-tuning; both through ONNX in the torch-free runtime.
        map50_95_after: mAP50-95 after fine-tuning.
        matched: Detections that the parity gate compared, all equal.
        files: What to open: what it is, and where.
        seconds: Time for everything.
    """

    folder: Path
    steps: list[Step]
    map50_before: float
    map50_after: float
    map50_95_after: float
    matched: int
    files: dict[str, Path]
    seconds: float


class Quickstart:
    """Runs the steps in one folder, and keeps the account of them."""

    def __init__(self, folder: Path, on_event: OnEvent) -> None:
        self.folder = folder
        self.steps: list[Step] = []
        self._on_event = on_event
        self._data = folder / "dataset" / "data.yaml"

    def draw(self) -> None:
        """Draw the demo: images with COCO labels, and a video."""
        from yolokit.jobs.demo import write_demo

        out = self.folder / "demo"
        with self._step(f"yolokit data demo --out {out} --images {IMAGES}") as done:
            result = write_demo(out, images=IMAGES, video_seconds=VIDEO_S)
            parts = counted(sum(result.parts.values()), "labelled part")
            done(f"{IMAGES} images, {parts}, a video of {VIDEO_S:g} s")

    def convert(self) -> None:
        """Convert the labels to YOLO."""
        from yolokit.convert.config import ConvertConfig
        from yolokit.convert.job import convert

        source, out = self.folder / "demo", self.folder / "dataset"
        with self._step(f"yolokit data convert {source} --out {out}") as done:
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

    def train(self) -> TrainRun:
        """Fine-tune the shipped weights on the demo, on the CPU."""
        import yaml

        from yolokit.train.config import TrainConfig
        from yolokit.train.run import train_model

        options = self.folder / "train-options.yaml"
        options.write_text(yaml.safe_dump(TRAINING, sort_keys=False), encoding="utf-8")
        out = self.folder / "train"
        command = (
            f"yolokit train --data {self._data} --weights {START} --config {options} --out {out}"
        )
        with self._step(command) as done:
            config = TrainConfig.build({"data": self._data, "weights": str(START), **TRAINING})
            run = train_model(config, self._on_event, folder=out)
            done(f"{counted(len(run.record.epochs), 'epoch')} in {run.record.precision} on the CPU")
        return run

    def export(self, weights: Path, *, with_data: bool) -> ExportArtifact:
        """Export a model through the parity gate."""
        from yolokit.export.config import ExportConfig
        from yolokit.export.run import export_model

        data = self._data if with_data else None
        command = f"yolokit export {weights}"
        with self._step(f"yolokit export {weights} --data {data}" if data else command) as done:
            artifact = export_model(ExportConfig(weights, data=data))
            parity = artifact.parity
            done(
                f"{parity.verdict}: {counted(parity.matched, 'detection')} compared on "
                f"{counted(parity.images, 'image')}, boxes within {parity.max_box_diff_px:.1g} px"
            )
        return artifact

    def evaluate(self, model: Path) -> ValReport:
        """Evaluate a deployed file on the test split."""
        from yolokit.evaluate.config import ValConfig
        from yolokit.evaluate.job import validate_model

        with self._step(f"yolokit val {model} --data {self._data} --split test") as done:
            config = ValConfig(model, self._data, split="test", report_only=True)
            report = validate_model(config).report
            overall = report.overall
            done(f"mAP50 {overall.map50 or 0.0:.3f}, mAP50-95 {overall.map50_95 or 0.0:.3f}")
        return report

    def predict(self, model: Path, source: Path, out: Path) -> None:
        """Find parts in images or in a video."""
        from yolokit.runtime.config import PredictConfig
        from yolokit.runtime.predict import predict_files

        with self._step(f"yolokit predict {model} {source} --out {out}") as done:
            summary = predict_files(PredictConfig(model, source, out=out)).summary
            done(
                f"{counted(summary.frames, 'image')}, {counted(summary.detections, 'part')}, "
                f"{summary.frames / summary.wall_s:.0f} a second"
            )

    @contextmanager
    def _step(self, command: str) -> Iterator[Callable[[str], None]]:
        """Time a step, and enter it in the account with the outcome that it tells."""
        self._on_event(Notice(f"$ {command}"))
        began = time.monotonic()
        outcome: list[str] = []
        yield outcome.append
        seconds = round(time.monotonic() - began, 1)
        self.steps.append(Step(command=command, outcome=outcome[0], seconds=seconds))


def run_quickstart(folder: Path | None, on_event: OnEvent = ignore) -> QuickstartResult:
    """Do the whole job on drawn data, in a folder that is given or a fresh one below ``runs``.

    Raises:
        OutputExistsError: ``folder`` exists.
        YolokitError: A step failed.
    """
    began = time.monotonic()
    folder = claim_folder(folder, parent=RUNS, stem="quickstart")
    job = Quickstart(folder, on_event)
    job.draw()
    job.convert()
    before = job.evaluate(job.export(job.make_start(), with_data=False).path)
    artifact = job.export(job.train().best, with_data=True)
    after = job.evaluate(artifact.path)
    images, video = folder / "predict-images", folder / "predict-video"
    job.predict(artifact.path, folder / "dataset" / "images" / "test", images)
    job.predict(artifact.path, folder / "demo" / "video" / "belt.mp4", video)
    sheet = folder / "contact-sheet.jpg"
    write_contact_sheet(sorted(images.rglob("*.jpg"))[:_SHEET_PICTURES], sheet)
    return QuickstartResult(
        folder=folder,
        steps=job.steps,
        map50_before=before.overall.map50 or 0.0,
        map50_after=after.overall.map50 or 0.0,
        map50_95_after=after.overall.map50_95 or 0.0,
        matched=artifact.parity.matched,
        files={
            "contact sheet": sheet,
            "annotated images": images,
            "annotated video": next(video.rglob("*.mp4")),
            "training curves": folder / "train" / "curves.png",
            "model": artifact.path,
            "proof of parity": artifact.parity_path,
        },
        seconds=round(time.monotonic() - began, 1),
    )
