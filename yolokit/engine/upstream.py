"""Imports ultralytics tamed: the few global edits that this process of our own needs, in one place.

Every module of ``engine`` that uses ultralytics imports this one first. Each edit names the
upstream behaviour that it answers; all were read in ultralytics 8.4.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from yolokit.engine.guard import forbid_network

forbid_network()  # here as well: the workers of a run on several GPUs come through this module

import torch  # noqa: E402
import ultralytics.data.base as _base  # noqa: E402
import ultralytics.data.dataset as _dataset  # noqa: E402
import ultralytics.data.utils as _data_utils  # noqa: E402
import ultralytics.engine.trainer as _trainer  # noqa: E402
from ultralytics.nn.tasks import load_checkpoint as _load_checkpoint  # noqa: E402
from ultralytics.utils import SETTINGS  # noqa: E402
from ultralytics.utils.events import events  # noqa: E402

from yolokit.errors import WeightsError  # noqa: E402

_NOWHERE = Path(os.devnull) / "none.npy"


def _no_cache(path: Path) -> dict[str, Any]:
    """Read no ``labels.cache``: upstream unpickles it, and anyone may have written it."""
    raise FileNotFoundError(path)


def _keep_in_memory(_prefix: str, _path: Path, labels: dict[str, Any], version: str) -> None:
    """Write nothing beside the user's labels; the caller expects the version to be set."""
    labels["version"] = version


def _leave_image(image: str, _write: object) -> None:
    """Change no image of the user's: upstream writes a JPEG that is cut short anew."""
    print(f"{image} is cut short; it is read as far as it goes", flush=True)


def _no_arrays(dataset: Any) -> list[Path]:
    """Name no ``.npy`` beside an image: upstream would take its pixels for the image's."""
    return [_NOWHERE] * len(dataset.im_files)


def _autocast(enabled: bool | torch.dtype, device: str = "cuda") -> torch.autocast:
    """Allow bf16 on a CPU, which upstream refuses although recent ones compute it natively."""
    if device == "cpu":
        return torch.autocast("cpu", torch.bfloat16, enabled=enabled is torch.bfloat16)
    return _upstream_autocast(enabled, device)  # type: ignore[no-any-return]


_upstream_autocast = _trainer.autocast
_trainer.autocast = _autocast
# Upstream downloads a model to try AMP out; which precision a device has is decided by us.
_trainer.check_amp = lambda _model: True
# Loggers of other companies' services start themselves where their package is installed.
_trainer.callbacks.add_integration_callbacks = lambda _instance: None
# A font for plots that are switched off.
_data_utils.check_font = lambda *_args: None
_dataset.load_dataset_cache_file = _no_cache
_dataset.save_dataset_cache_file = _keep_in_memory
_data_utils._replace_image = _leave_image  # noqa: SLF001 - there is no public way
_base.BaseDataset.npy_files = property(_no_arrays, lambda _dataset, _paths: None)
# Analytics, and the one setting that allows them.
events.enabled = False
SETTINGS.update(sync=False)


def use_cores(count: int) -> None:
    """Compute on this many cores; upstream leaves one idle and sets OMP to a single thread."""
    os.environ["OMP_NUM_THREADS"] = str(count)
    torch.set_num_threads(count)


def has_native_bf16_cpu() -> bool:
    """Tell whether this CPU multiplies bf16 in hardware (AVX-512 BF16 or AMX)."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def load_model(path: str) -> tuple[Any, dict[str, Any]]:
    """Load a checkpoint with weights only, in FP32 and eval mode.

    Returns:
        The model and what else the checkpoint holds.

    Raises:
        WeightsError: It is unreadable, or needs classes that a YOLO checkpoint does not.
    """
    try:
        model, checkpoint = _load_checkpoint(path)
    except FileNotFoundError:
        raise
    except Exception as error:
        text = " ".join(str(error).replace("ERROR ❌️", "").split())
        raise WeightsError(
            f"{path} cannot be loaded as weights only: {text}",
            hint="yolokit reads detection checkpoints as ultralytics saves them, YOLOv8 and later",
        ) from error
    if getattr(model, "task", "detect") != "detect":
        raise WeightsError(f"{path} is a {model.task} model; this version handles detection only")
    return model, checkpoint
