"""``yolokit doctor --gpu``: a small train, export and predict on the GPU, with their results."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.errors import YolokitError
from yolokit.jobs.doctor import Finding
from yolokit.jobs.quickstart import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IMAGES = 48


def check_gpu(say: Callable[[str], None]) -> Iterator[Finding]:
    """Train two epochs on GPU 0, export, and predict with the CUDA provider; say each beforehand.

    Yields:
        A finding for each step; the first that fails is the last.
    """
    with tempfile.TemporaryDirectory(prefix="yolokit-gpu-") as scratch:
        folder = Path(scratch)
        for step in (_train, _export, _predict):
            about = f"gpu: {step.__name__.removeprefix('_')}"
            say(f"{about} ...")
            try:
                detail = step(folder)
            except YolokitError as error:
                yield Finding(about, "fail", str(error), error.hint)
                return
            yield Finding(about, "ok", detail)


def _train(folder: Path) -> str:
    from yolokit.convert.config import ConvertConfig
    from yolokit.convert.job import convert
    from yolokit.jobs.demo import write_demo
    from yolokit.train.config import TrainConfig
    from yolokit.train.run import train_model

    write_demo(folder / "demo", images=_IMAGES, video_seconds=0)
    convert(ConvertConfig(folder / "demo", folder / "data"))
    config = TrainConfig(
        str(folder / "data" / "data.yaml"), weights=str(START), epochs=2, imgsz=320, batch=8,
        device="0", validate=False,
    )  # fmt: skip
    record = train_model(config, folder=folder / "train").record
    seconds = record.epochs[-1].seconds
    return f"2 epochs on {record.device} in {record.precision}, the second in {seconds:.1f} s"


def _export(folder: Path) -> str:
    from yolokit.export.config import ExportConfig
    from yolokit.export.run import export_model

    artifact = export_model(ExportConfig(folder / "train" / "best.pt"))
    compared = counted(artifact.parity.matched, "detection")
    return f"{artifact.parity.verdict}: {compared} compared"


def _predict(folder: Path) -> str:
    from yolokit.runtime.config import PredictConfig
    from yolokit.runtime.predict import predict_files

    model, images = folder / "train" / "best.onnx", folder / "data" / "images"
    run = predict_files(PredictConfig(model, images, provider="cuda", out=folder / "predicted"))
    rate = run.summary.frames / run.summary.wall_s
    return f"{counted(run.summary.frames, 'image')} on {run.provider}, {rate:.0f} a second"
