"""What a training would feed the network, without training: for `yolokit data show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.events import Notice, OnEvent, Phase, Progress, ignore
from yolokit.core.machine import usable_cores
from yolokit.datasets.data_yaml import find_data_yaml
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import BatchesRequest, TrainRequest
from yolokit.engine_protocol.training import FedBatches, FedImage
from yolokit.errors import ConfigError
from yolokit.train.arch import find_arch
from yolokit.train.config.upstream import to_own_settings, to_upstream
from yolokit.train.data import check_data, write_data_yaml
from yolokit.train.start import DEFAULT_ARCH, StartPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.events import Event
    from yolokit.core.types import U8
    from yolokit.datasets.check import DatasetReport
    from yolokit.train.config import TrainConfig


class Fed(msgspec.Struct, frozen=True, eq=False):
    """What a training is fed.

    Attributes:
        batches: Files and labels of the images.
        names: Of the classes.
        train_images: How many images the split has.
        folder: Has the pixels.
    """

    batches: FedBatches
    names: tuple[str, ...]
    train_images: int
    folder: Path

    def __iter__(self) -> Iterator[tuple[U8, FedImage]]:
        """Yield (H, W, 3) uint8 BGR, and what it is and is labelled with."""
        for index, image in enumerate(self.batches.images):
            yield np.load(self.folder / f"{index}.npy", allow_pickle=False), image


def feed(
    config: TrainConfig,
    folder: Path,
    *,
    count: int,
    last_epochs: bool = False,
    on_event: OnEvent = ignore,
) -> Fed:
    """Let a training begin, and take what it feeds the network in its first batches.

    The pixels are those that a training with these options gets; what it starts from does not
    matter for them, so that no weights are needed.

    Args:
        config: Of the training.
        folder: An empty folder for what is made on the way; it is needed as long as the result.
        count: How many images; fewer where an epoch has fewer.
        last_epochs: Of the last epochs, in which ``close_mosaic`` ends mosaics.
        on_event: Called with what happens.

    Raises:
        ConfigError: The architecture is unknown, or ``close_mosaic`` is 0 with ``last_epochs``.
        DataError: The data set has faults; each is named with file and line.
        TrainError: The training failed.
    """
    if last_epochs and not config.close_mosaic:
        raise ConfigError(
            "close_mosaic is 0: the last epochs are like all others",
            hint="leave --last-epochs out",
        )
    plan = StartPlan("scratch", find_arch(config.arch or DEFAULT_ARCH))
    data = check_data(find_data_yaml(Path(config.data)), config, on_event)
    for warning in data.warnings:
        on_event(Notice(f"note: {warning}"))
    if "," in config.device:
        on_event(Notice("note: several devices share the batches; these are made on the CPU"))
        config = msgspec.structs.replace(config, device="cpu")
    request = BatchesRequest(
        training=_ask_training(config, plan, data, folder / "run"),
        count=count,
        last_epochs=last_epochs,
        folder=str(folder),
    )
    batches = _run(request, folder, on_event)
    return Fed(batches, data.names, data.splits["train"].images, folder)


def _ask_training(
    config: TrainConfig, plan: StartPlan, data: DatasetReport, run_dir: Path
) -> TrainRequest:
    """Return what the engine needs to begin the training in a new folder."""
    run_dir.mkdir()
    return TrainRequest(
        data_yaml=str(write_data_yaml(data, run_dir)),
        start=plan.request(config, list(data.names), run_dir),
        freeze=0,
        settings=to_upstream(config),
        threads=usable_cores(),
        own=to_own_settings(config, run_dir),
    )


def _run(request: BatchesRequest, folder: Path, on_event: OnEvent) -> FedBatches:
    """Run the engine; what is told of it speaks of no training, since none takes place."""

    def tell(event: Event) -> None:
        if isinstance(event, Progress) or (isinstance(event, Phase) and event.name != "training"):
            on_event(event)

    log = folder / "batches.log"
    result = run_job("batches", request, log_path=log, on_event=tell, keeps_log=False)
    return msgspec.convert(result, FedBatches)
