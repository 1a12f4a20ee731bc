"""Whether there is room for a training, asked before it begins: on the disk, and in /dev/shm."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted, describe_size
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

_SHM = Path("/dev/shm")  # noqa: S108 - nothing is written there by us
_SPARE_BYTES = 20_000_000  # record, log, lists, curves
# Of all float32 weights: state.pt has them, their average, and what the optimizer keeps of each;
# last.pt and best.pt, twice each, have the average and the optimizer in half precision.
_STATE_COPIES = {"SGD": 3, "MuSGD": 3}
_MOST_COPIES = 4
_CHANNELS = 3


def require_room(trainer: YolokitTrainer) -> None:
    """Check that what a training writes, and what its processes hand over, has room.

    Raises:
        TrainError: It has not.
    """
    _require_disk(trainer)
    for loader in (trainer.train_loader, trainer.test_loader):
        _require_shm(loader, trainer.args.imgsz)


def _require_disk(trainer: YolokitTrainer) -> None:
    run_dir = trainer.run_dir
    held = sum(path.stat().st_size for path in run_dir.rglob("*") if path.is_file())
    weights = sum(one.numel() for one in trainer.model.state_dict().values()) * 4
    need = count_written_bytes(weights, type(trainer.optimizer).__name__) - held
    free = shutil.disk_usage(run_dir).free
    if need > free:
        raise TrainError(
            f"a run of this network writes about {describe_size(need)}, and the disk of {run_dir} "
            f"has {describe_size(free)} left",
            hint="make room on it, or have the folder of the run on another disk",
        )


def count_written_bytes(weights_bytes: int, optimizer: str) -> int:
    """Return what a run has on its disk at most, given its weights in float32."""
    copies = _STATE_COPIES.get(optimizer, _MOST_COPIES)
    state = copies * weights_bytes
    checkpoint = (copies - 1) * weights_bytes // 2
    # A new state is complete before the old one goes; so is the copy of a checkpoint.
    return 2 * state + 5 * checkpoint + _SPARE_BYTES


def _require_shm(loader: Any, imgsz: int) -> None:
    """Check that the batches which processes make ahead have room where they hand them over."""
    workers = int(loader.num_workers)
    if not workers or not _SHM.is_dir():
        return
    batch_bytes = int(loader.batch_size) * _CHANNELS * imgsz * imgsz
    each = batch_bytes * int(loader.prefetch_factor)
    free = shutil.disk_usage(_SHM).free
    if each * workers <= free:
        return
    fits = free // each
    raise TrainError(
        f"{counted(workers, 'process', 'processes')} that load images hand over up to "
        f"{describe_size(each * workers)} through {_SHM}, which has {describe_size(free)} left",
        hint=f"give `--set workers={fits}`, or a container more of it, as "
        "`docker run --shm-size 2g` does",
    )
