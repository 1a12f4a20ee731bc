"""The data set of a run: checked, recorded, and handed to the engine as lists of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.events import OnEvent, Phase, Progress
from yolokit.core.plural import counted
from yolokit.datasets.check import UNUSABLE, DatasetReport, check_dataset
from yolokit.errors import ConfigError, DataError
from yolokit.files.atomic import write_atomic
from yolokit.train.image_hashes import hash_images
from yolokit.train.record import DataRecord

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.train.config import TrainConfig

LOOKING = "looking at every image and label"
_STRIDE_PX = 32  # of the deepest features


def check_data(path: Path, config: TrainConfig, on_event: OnEvent) -> DatasetReport:
    """Check a data set as a whole, before anything of a run is written.

    Raises:
        DataError: It cannot be trained on; each fault is named with file and line.
        ConfigError: Its images, batch and image size do not go together.
    """
    on_event(Phase(LOOKING))
    data = check_dataset(
        path,
        allow=config.allow,
        imgsz=config.imgsz,
        on_progress=lambda done, total: on_event(Progress(LOOKING, done, total)),
    )
    _require_trainable(data)
    refuse_single(data.splits["train"].images, config)
    return data


def leaves_out(config: TrainConfig) -> bool:
    """Tell whether images that cannot be used are left out."""
    return UNUSABLE in config.allow


def refuse_poses(path: Path, *, is_pose: bool) -> None:
    """Refuse poses: upstream's detector would read their rows as outlines, and learn their boxes.

    Raises:
        DataError: They are.
    """
    if is_pose:
        raise DataError(
            "its labels are poses (`kpt_shape`), and this version trains detectors of boxes",
            path=path,
            hint=f"`yolokit data convert {path} --task detect` leaves the keypoints aside",
        )


def _require_trainable(data: DatasetReport) -> None:
    refuse_poses(data.path, is_pose=data.is_pose)
    lacking = [split for split in ("train", "val") if split not in data.splits]
    if lacking:
        raise DataError(
            f"has no images in the split {' and '.join(lacking)}: training needs train and val",
            path=data.path,
            hint="`yolokit data convert` splits a data set that has none",
        )


def refuse_single(images: int, config: TrainConfig) -> None:
    """Refuse a last batch of one image whose deepest features are one cell: it has no variance.

    Source: ultralytics ``engine/trainer.py:_build_train_pipeline``.

    Raises:
        ConfigError: An epoch of the images would end with such a batch.
    """
    smallest_px = config.imgsz * (1 - config.multi_scale)
    if smallest_px >= 2 * _STRIDE_PX or "," in config.device:
        return
    shown = max(1, round(images * config.fraction))
    batch = shown if config.batch == "auto" else min(config.batch, shown)
    if (shown % batch or batch) == 1:
        raise ConfigError(
            f"at imgsz {config.imgsz} no batch can be a single image, as the last of "
            f"{counted(shown, 'image')} in "
            f"batches of {batch} would be",
            hint="take --imgsz 64 or more" + ", or another --batch" * (shown > 1),
        )


def record_data(data: DatasetReport) -> DataRecord:
    """Return what ``run.json`` says about a data set."""
    return DataRecord(
        path=str(data.path),
        sha256=data.sha256,
        images_sha256=hash_images(data),
        names=list(data.names),
        images={split: found.images for split, found in data.splits.items()},
        boxes={split: found.boxes for split, found in data.splits.items()},
        listed={split: found.images for split, found in data.splits.items()},
        notes=list(data.warnings),
    )


def write_data_yaml(data: DatasetReport, run_dir: Path) -> Path:
    """Write the only YAML that upstream sees: names and lists of the images that were checked.

    Lists rather than folders: what is trained on is exactly what was checked, however upstream
    would have read the user's own file.
    """
    import yaml

    path = run_dir / "data.yaml"
    content: dict[str, Any] = {"names": dict(enumerate(data.names))}
    for split, images in data.images.items():
        listed = run_dir / f"{split}.txt"
        write_atomic(listed, "".join(f"{image}\n" for image in images).encode())
        content[split] = str(listed)
    write_atomic(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode())
    return path
