"""A checkpoint as the reference of a proof: run in torch by the engine, decoded by the runtime."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from yolokit.core.machine import usable_cores
from yolokit.core.task import Task
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import InferFacts, InferRequest
from yolokit.errors import JobCancelledError, ModelOutputError
from yolokit.evaluate.finders import TORCH, ModelFacts
from yolokit.runtime.manifest import ModelHead, ModelIO
from yolokit.runtime.model_input import choose_input_wh, has_fixed_side, plan_letterbox
from yolokit.runtime.predictor import Prediction
from yolokit.runtime.tasks.toolkit import Limits, load_task

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from yolokit.core.types import F32, U8, Frame
    from yolokit.files.digest import FileDigest
    from yolokit.runtime.predictor import Thresholds
    from yolokit.runtime.tasks.toolkit import Outputs

Origin = TypeVar("Origin")

# Images that one request has at most: they and their outputs lie in files meanwhile.
_MOST_IMAGES = 24
_MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, eq=False)
class RanImage:
    """One image as torch saw it.

    Attributes:
        tensor: The input (1, 3, H, W) float32 as the training framework prepared it; None where
            it was not asked for.
        outputs: By name, each without the axis of the batch, float32.
    """

    tensor: F32 | None
    outputs: Outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file of weights that torch runs.

    Attributes:
        path: The file, absolute.
        digest: What it was when it was checked.
        trust: Load it even if that runs code which is stored in it.
        head: The head to run, for a model that has several; None for the one it gives by itself.
        log_path: Log of the engine.
        threads: Cores to use; None for all that this process may use.
    """

    path: Path
    digest: FileDigest
    trust: bool = False
    head: str | None = None
    log_path: Path
    threads: int | None = None

    def run(
        self,
        images: Sequence[U8],
        io: ModelIO | None = None,
        *,
        keeps_inputs: bool = False,
    ) -> tuple[InferFacts, list[RanImage]]:
        """Run it on images, each (H, W, 3) uint8 BGR, in inputs of the geometry of ``io``.

        Without images, and then without ``io``, it only tells what it is.

        Raises:
            WeightsError: It has changed, or cannot be loaded.
            ExportError: torch failed.
            MissingDependencyError: torch is not installed.
        """
        with tempfile.TemporaryDirectory(prefix="yolokit-infer-") as scratch:
            folder = Path(scratch)
            for index, bgr in enumerate(images):
                np.save(folder / f"{index:04d}.image.npy", bgr, allow_pickle=False)
            request = InferRequest(
                weights=str(self.path),
                digest=self.digest,
                folder=scratch,
                images=len(images),
                input_wh=(0, 0) if io is None else choose_input_wh(io),
                border_stride_px=None if io is None or has_fixed_side(io) else io.stride_px,
                threads=self.threads or usable_cores(),
                head=self.head,
                trust=self.trust,
                keeps_inputs=keeps_inputs,
            )
            result = run_job("infer", request, log_path=self.log_path)
            facts = msgspec.convert(result, InferFacts)
            ran = [
                RanImage(
                    _read(folder / f"{index:04d}.input.npy") if keeps_inputs else None,
                    {name: _read(folder / f"{index:04d}.{name}.npy")[0] for name in facts.outputs},
                )
                for index in range(len(images))
            ]
        return facts, ran


class TrainedModel:
    """A checkpoint that finds objects in frames, as a :class:`Predictor` of its exported file does.

    Attributes:
        loaded: What the checkpoint is, as torch loads it.
        io: How an image goes into it.
        facts: What it is, for records.
        task: What it does.
    """

    task = Task.DETECT

    def __init__(
        self,
        checkpoint: Checkpoint,
        thresholds: Thresholds,
        *,
        io: ModelIO | None = None,
        imgsz: int | None = None,
    ) -> None:
        """Ask the engine what the checkpoint is.

        Args:
            checkpoint: What to run.
            thresholds: Which detections count; a checkpoint has none of its own.
            io: Gives images the geometry of an exported file's input; None for a square.
            imgsz: Side of the square in px; None for that of its training.
        """
        self._checkpoint = checkpoint
        self._thresholds = thresholds
        self.loaded, _ = checkpoint.run(())
        self.io = io or _square_input(imgsz or self.loaded.imgsz, self.loaded.stride_px)
        self.facts = ModelFacts(
            path=str(checkpoint.path),
            sha256=checkpoint.digest.sha256,
            weights_sha256=checkpoint.digest.sha256,
            names=self.loaded.names,
            input_wh=self.io.input_wh,
            provider=TORCH,
            threads=checkpoint.threads or usable_cores(),
            engine=f"torch {version('torch')}",
        )

    def run(
        self, frames: Iterable[tuple[Origin, Frame]]
    ) -> Generator[Prediction[Origin], None, None]:
        """Yield what torch finds in each frame, in order."""
        loaded = self.loaded
        head = ModelHead(output_name=loaded.outputs[0], layout=loaded.layout, names=loaded.names)
        limits, task = self._limits(), load_task(self.task)
        for block in _take_blocks(frames):
            _, ran = self._checkpoint.run([frame.bgr for _, frame in block], self.io)
            for (origin, frame), one in zip(block, ran, strict=True):
                letterbox = plan_letterbox(frame.image_wh, self.io)
                yield Prediction(origin, frame, task.decode(one.outputs, letterbox, head, limits))

    def _limits(self) -> Limits:
        own = self._thresholds
        if own.conf is None or own.iou is None or own.max_det is None:
            raise ValueError("a checkpoint has no thresholds of its own")
        return Limits(
            min_score=own.conf,
            max_iou=own.iou,
            max_det=own.max_det,
            multi_label=own.multi_label,
            clip=own.clip,
        )


def _square_input(side_px: int, stride_px: int) -> ModelIO:
    """Return the input of a model that takes squares."""
    return ModelIO(
        input_name="images",
        shape=(1, 3, side_px, side_px),
        input_wh=(side_px, side_px),
        stride_px=stride_px,
    )


@contextlib.contextmanager
def engine_log() -> Iterator[Path]:
    """Give the engine a log in the system's folder for such; it stays if something fails."""
    handle, name = tempfile.mkstemp(prefix="yolokit-engine-", suffix=".log")
    os.close(handle)
    path = Path(name)
    try:
        yield path
    except (KeyboardInterrupt, JobCancelledError):  # not a fault to look into
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def _take_blocks(
    frames: Iterable[tuple[Origin, Frame]],
) -> Iterator[list[tuple[Origin, Frame]]]:
    block: list[tuple[Origin, Frame]] = []
    size_bytes = 0
    for origin, frame in frames:
        if block and size_bytes + frame.bgr.nbytes > _MOST_BYTES:
            yield block
            block, size_bytes = [], 0
        block.append((origin, frame))
        size_bytes += frame.bgr.nbytes
        if len(block) == _MOST_IMAGES:
            yield block
            block, size_bytes = [], 0
    if block:
        yield block


def _read(path: Path) -> F32:
    output: F32 = np.load(path, allow_pickle=False)
    if output.dtype != np.float32:
        raise ModelOutputError(f"torch gave {output.dtype} for {path.name}, not float32")
    return output
