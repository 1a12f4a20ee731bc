"""Fine-tune a YOLO detector on your own labels and run it anywhere.

Importing this package does nothing, except that it refuses onnxruntime's telemetry, which starts
as soon as anybody imports that (``core/privacy.py``). Each public name is loaded on first use::

    import yolokit

    detections = yolokit.load("model.onnx")(image)  # image: (H, W, 3) uint8 BGR
"""

from __future__ import annotations

import importlib

from yolokit.core.privacy import refuse_telemetry

TYPE_CHECKING = False  # what type checkers take for true; importing typing would take longer
if TYPE_CHECKING:
    from yolokit.api import bench_model as bench_model
    from yolokit.api import check_dataset as check_dataset
    from yolokit.api import convert_dataset as convert_dataset
    from yolokit.api import export_model as export_model
    from yolokit.api import fix_dataset as fix_dataset
    from yolokit.api import get_dataset as get_dataset
    from yolokit.api import inspect_model as inspect_model
    from yolokit.api import optimize_model as optimize_model
    from yolokit.api import predict_files as predict_files
    from yolokit.api import pull_weights as pull_weights
    from yolokit.api import show_data as show_data
    from yolokit.api import train_folds as train_folds
    from yolokit.api import train_model as train_model
    from yolokit.api import tune_model as tune_model
    from yolokit.api import validate_model as validate_model
    from yolokit.core.events import StopTraining as StopTraining
    from yolokit.core.types import Detections as Detections
    from yolokit.core.types import Frame as Frame
    from yolokit.core.types import Letterbox as Letterbox
    from yolokit.errors import YolokitError as YolokitError
    from yolokit.runtime.detector import Detector as Detector
    from yolokit.runtime.detector import load as load

__version__ = "0.1.0"

# name -> module that defines it
_PUBLIC = {
    "Detections": "yolokit.core.types",
    "Detector": "yolokit.runtime.detector",
    "Frame": "yolokit.core.types",
    "Letterbox": "yolokit.core.types",
    "StopTraining": "yolokit.core.events",
    "YolokitError": "yolokit.errors",
    "bench_model": "yolokit.api",
    "check_dataset": "yolokit.api",
    "convert_dataset": "yolokit.api",
    "export_model": "yolokit.api",
    "fix_dataset": "yolokit.api",
    "get_dataset": "yolokit.api",
    "inspect_model": "yolokit.api",
    "load": "yolokit.runtime.detector",
    "optimize_model": "yolokit.api",
    "predict_files": "yolokit.api",
    "pull_weights": "yolokit.api",
    "show_data": "yolokit.api",
    "train_folds": "yolokit.api",
    "train_model": "yolokit.api",
    "tune_model": "yolokit.api",
    "validate_model": "yolokit.api",
}

__all__ = ["__version__", *_PUBLIC]

refuse_telemetry()


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
