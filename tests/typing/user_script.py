"""A script as a user writes it; each mistake that a type checker must find is marked.

It is never run. ``test_user_script.py`` takes the marks away and looks at what mypy says.
"""

from __future__ import annotations

from pathlib import Path

import yolokit
from yolokit.core.events import BatchEnd, EpochEnd, Event, Notice, Progress


def tell(event: Event) -> None:
    """Show what every job tells."""
    if isinstance(event, Progress):
        print(f"{event.what}: {event.done} of {event.total} {event.unit}")
    elif isinstance(event, Notice):
        print(event.message)
    elif isinstance(event, BatchEnd | EpochEnd):
        print(event.epoch + 1)


weights = yolokit.pull_weights("yolo26n", offline=True, on_event=tell)
made = yolokit.get_dataset("coco8", out=Path("datasets/coco8"), keep_archive=True, on_event=tell)
data = yolokit.convert_dataset(
    [made.out, "more.json"], "datasets/mine", task="segment", tile=640, maps=["a=b"], on_event=tell
)
run = yolokit.train_model(
    data.out / "data.yaml", out="runs/mine", weights=str(weights.path), epochs=3, batch="auto",
    lr=0.01, optimizer="AdamW", on_event=tell,
)  # fmt: skip
model = yolokit.export_model(run.best, data="datasets/mine", dynamic="batch", on_event=tell)
report = yolokit.validate_model(model.path, "datasets/mine", split="test", on_event=tell)
proof = yolokit.verify_models(run.best, model.path, data="datasets/mine", on_event=tell)
is_good: bool = proof.is_good
found = yolokit.predict_files(model.path, ["a.jpg", Path("b.mp4")], conf=0.4, on_event=tell)
also_found = yolokit.predict_files(model.path, "a.jpg", "b.mp4")
best: float | None = report.overall.map50
frames: int = found.frames + also_found.frames

yolokit.train_model("data.yaml", epoch=3)  # type: ignore[call-arg]
yolokit.train_model("data.yaml", epochs="three")  # type: ignore[arg-type]
yolokit.train_model(epochs=3)  # type: ignore[call-arg]
yolokit.export_model("best.pt", dynamic="some")  # type: ignore[arg-type]
yolokit.export_model("best.pt", "data.yaml")  # type: ignore[call-arg]
yolokit.convert_dataset("a.json", "out", task="boxes")  # type: ignore[arg-type]
yolokit.get_dataset("coco8", tile=640)  # type: ignore[call-arg]
yolokit.pull_weights("yolo26n", online=True)  # type: ignore[call-arg]
yolokit.validate_model("best.onnx", "data.yaml", conf="low")  # type: ignore[arg-type]
yolokit.predict_files("best.onnx", "a.jpg", cnf=0.4)  # type: ignore[call-overload]
yolokit.export_model("best.pt", on_event=print, opset="17")  # type: ignore[arg-type]
epochs: str = yolokit.train_model("data.yaml").record.epochs  # type: ignore[assignment]
