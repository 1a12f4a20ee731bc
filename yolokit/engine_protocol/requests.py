"""What the parent asks of a job of ``yolokit.engine``: only existing absolute paths and numbers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from yolokit.core.task import Task
from yolokit.engine_protocol.own_settings import OwnSettings
from yolokit.files.digest import FileDigest

STATE_FILE = "state.pt"  # what a run goes on from, exactly
START_FILE = ".start.pt"  # in the run's folder, while it trains
StartKind = Literal["scratch", "network", "backbone", "darknet", "torchvision", "added"]


class TaskRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What every request has.

    Attributes:
        task: What the model is for: a module of ``engine.tasks``.
    """

    task: Task = Task.DETECT


class StartRequest(TaskRequest, frozen=True, kw_only=True):
    """Make the model that a training starts from.

    Attributes:
        kind: Module of ``engine.initializers``: ``scratch``, ``network`` (a checkpoint as a whole),
            ``backbone`` (of any checkpoint), ``darknet``, ``torchvision``, or ``added`` (a
            checkpoint as it is, with branches for new classes).
        weights: File to take weights from, or None.
        digest: What it must be; None for a file of yolokit's own.
        arch: YAML file of the architecture; None for that of ``weights``.
        source_arch: YAML file of the architecture that ``weights`` must have; None to take the
            file's word for it.
        names: Class names of the new model; for ``added``, those of the data set.
        part: How much to transfer: as much as fits, or the backbone alone.
        backbone: torchvision's name of the backbone, for the kind ``torchvision``.
        seed: Seed of everything that is left fresh.
        trust: Load ``weights`` even if that runs code which is stored in it.
    """

    kind: StartKind
    weights: str | None
    arch: str | None
    names: list[str]
    digest: FileDigest | None = None
    source_arch: str | None = None
    part: Literal["all", "backbone"] = "all"
    backbone: str | None = None
    seed: int = 0
    trust: bool = False


class SaveStartRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Write the model that a training would start from as a checkpoint.

    Attributes:
        start: The model.
        out: File to write.
        imgsz: Side of the square input in px that an export of it has by default.
    """

    start: StartRequest
    out: str
    imgsz: int | None = None


class TrainRequest(TaskRequest, frozen=True, kw_only=True):
    """Train one model.

    Attributes:
        data_yaml: YAML that yolokit wrote: absolute paths, no ``download``.
        start: The model to start from; None to go on from the run's ``last.pt``.
        freeze: Layers to leave as they are, as far as they were transferred: the first N, the
            backbone, or backbone and neck; or exactly these layers.
        settings: Upstream's own training settings.
        threads: Cores to use on a CPU.
        own: What our trainer needs beyond them.
    """

    data_yaml: str
    start: StartRequest | None
    freeze: int | Literal["backbone", "neck"] | list[int]
    settings: dict[str, Any]
    threads: int
    own: OwnSettings

    @property
    def run_dir(self) -> str:
        """Folder of the run; ``best.pt`` and ``last.pt`` appear in it."""
        return self.own.run_dir


class BatchesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Write what a training feeds the network in its first batches; nothing is trained.

    The result is a :class:`yolokit.engine_protocol.training.FedBatches`.

    Attributes:
        training: The training.
        count: Images that are wanted; fewer where an epoch has fewer.
        last_epochs: Begin where ``close_mosaic`` ends mosaics, rather than at the first epoch.
        folder: Gets ``<index>.npy`` for each image, (H, W, 3) uint8 BGR.
    """

    training: TrainRequest
    count: int
    last_epochs: bool
    folder: str


class ExportRequest(TaskRequest, frozen=True, kw_only=True):
    """Write one checkpoint as a plain ONNX file.

    Attributes:
        weights: Checkpoint to export.
        digest: What it must be.
        out: ONNX file to write.
        input_hw: Height and width of the input in px; None for the side it was trained with.
        head: The head to export, for a model that has several: a module of ``runtime/heads``;
            None for the one that it gives by itself.
        dynamic: Which axes of the input are dynamic.
        opset: ONNX operator set.
        trust: Load the checkpoint even if that runs code which is stored in it.
    """

    weights: str
    digest: FileDigest
    out: str
    input_hw: tuple[int, int] | None
    dynamic: Literal["none", "batch", "all"]
    opset: int
    head: str | None = None
    trust: bool = False


class InferRequest(TaskRequest, frozen=True, kw_only=True):
    """Run a checkpoint in torch, in FP32 on the CPU, as its own framework prepares images.

    The result is :class:`InferFacts`; without an image it is all that there is.

    Attributes:
        weights: Checkpoint to run.
        digest: What it must be.
        folder: Holds ``<index>.image.npy``, each (H, W, 3) uint8 BGR; beside each the job writes
            ``<index>.<output>.npy`` for each output of the task.
        images: How many there are.
        input_wh: Width and height in px of the input that each image is fitted into.
        border_stride_px: Cut each input's border to the least that makes its sides multiples of
            this, as the framework's rectangular inference does; None to fill the whole input.
        threads: Cores to use.
        head: As for the export.
        trust: As for the export.
        keeps_inputs: Also write ``<index>.input.npy``, (1, 3, H, W) float32.
    """

    weights: str
    digest: FileDigest
    folder: str
    images: int
    input_wh: tuple[int, int]
    border_stride_px: int | None = None
    threads: int
    head: str | None = None
    trust: bool = False
    keeps_inputs: bool = True


class InferFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint is, as torch loads it; nothing here is told by an exported file.

    Attributes:
        names: Class names by index.
        layout: Of its outputs: a module of ``runtime/heads``.
        outputs: Their names.
        imgsz: Side in px of the square input that it was trained with.
        stride_px: Input sizes are multiples of this.
    """

    names: tuple[str, ...]
    layout: str
    outputs: tuple[str, ...]
    imgsz: int
    stride_px: int


class InspectRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Say what the layers of a checkpoint of any task are, and write the maps of some.

    Attributes:
        weights: Checkpoint to look into.
        digest: What it must be.
        imgsz: Side of the square input in px; None for the one it was trained with.
        image: Image to compute with, (H, W, 3) uint8 BGR as ``.npy``; None for a black one.
        layers: Layers whose maps are wanted; none for those that the head takes, if there is an
            image.
        folder: Where ``<index>.npy``, (C, H, W) float32, appears for each of them.
        trust: As for the export.
    """

    weights: str
    digest: FileDigest
    imgsz: int | None
    image: str | None
    layers: list[str]
    folder: str
    trust: bool = False
