"""What finds objects in frames, to be measured or compared: an ONNX file, or a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from yolokit.files.digest import sha256_file

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from yolokit.core.task import Task
    from yolokit.core.types import Frame
    from yolokit.runtime.predictor import Prediction, Predictor

Origin = TypeVar("Origin")
TORCH = "torch"
CHECKPOINTS = (".pt", ".pth")


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is and what runs it, for records.

    Attributes:
        path: The file, as it was given.
        sha256: What the file was.
        weights_sha256: Of the checkpoint that it was made from; empty where that is not known.
        names: Class names by index.
        input_wh: Width and height in px of its input.
        provider: The execution provider that runs it, or ``torch``.
        precision: What that computes an FP32 file in.
        file_precision: The precision of the file itself.
        threads: Threads that compute.
    """

    path: str
    sha256: str
    weights_sha256: str = ""
    names: tuple[str, ...]
    input_wh: tuple[int, int]
    provider: str
    precision: str = "fp32"
    file_precision: str = "fp32"
    threads: int

    @property
    def lowest_precision(self) -> str:
        """The precision by which its tolerances are chosen: the file's, or what computes it."""
        return self.precision if self.file_precision == "fp32" else self.file_precision


class Finder(Protocol):
    """A model that is ready to run.

    Attributes:
        facts: What it is.
        task: What it does.
    """

    facts: ModelFacts
    task: Task

    def run(
        self, frames: Iterable[tuple[Origin, Frame]]
    ) -> Generator[Prediction[Origin], None, None]:
        """Yield what it finds in each frame, in order."""


class DeployedModel:
    """An ONNX file in the runtime that ships it; see :class:`Finder`."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        detector = predictor.detector
        manifest = detector.manifest
        self.task = manifest.head.task
        self.facts = ModelFacts(
            path=predictor.spec.model,
            sha256=sha256_file(Path(predictor.spec.model)),
            weights_sha256=manifest.provenance.weights_sha256,
            names=manifest.head.names,
            input_wh=manifest.io.input_wh,
            provider=detector.provider,
            precision=detector.precision,
            file_precision=manifest.provenance.precision,
            threads=detector.threads,
        )

    def run(
        self, frames: Iterable[tuple[Origin, Frame]]
    ) -> Generator[Prediction[Origin], None, None]:
        """Yield what it finds in each frame, in order."""
        yield from self.predictor.run(frames)


def is_checkpoint(path: Path) -> bool:
    """Tell whether torch has to run a file."""
    return path.suffix.lower() in CHECKPOINTS
