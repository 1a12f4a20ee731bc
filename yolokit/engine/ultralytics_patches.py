"""Imports ultralytics with the few global edits that our own process needs, in one place.

Every module of ``engine`` that uses ultralytics imports this one first. Each edit names the
upstream behaviour that it answers; all were read in ultralytics 8.4.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.engine.process import forbid_network

forbid_network()  # here as well: the workers of a run on several GPUs come through this module

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from yolokit.files.digest import FileDigest

import torch  # noqa: E402
import ultralytics.data.augment as _augment  # noqa: E402
import ultralytics.data.base as _base  # noqa: E402
import ultralytics.data.dataset as _dataset  # noqa: E402
import ultralytics.data.utils as _data_utils  # noqa: E402
import ultralytics.engine.trainer as _trainer  # noqa: E402
import ultralytics.nn.tasks as _tasks  # noqa: E402
import ultralytics.utils.checks as _checks  # noqa: E402
import ultralytics.utils.downloads as _downloads  # noqa: E402
from ultralytics.nn.modules import Conv, TorchVision  # noqa: E402
from ultralytics.utils import SETTINGS  # noqa: E402
from ultralytics.utils.events import events  # noqa: E402

from yolokit.checkpoints.reading import explain_unreadable  # noqa: E402
from yolokit.engine.image_cache import has_room_for_images  # noqa: E402
from yolokit.engine.mixed_images import remember_images  # noqa: E402
from yolokit.engine.network.torchvision_backbone import StagedTorchVision  # noqa: E402
from yolokit.engine.safe_globals import forbid_building, list_torchvision_layers  # noqa: E402
from yolokit.errors import WeightsError  # noqa: E402
from yolokit.files.digest import read_weights  # noqa: E402

_ACTIVATIONS = {"Mish": torch.nn.Mish}
_NOWHERE = Path(os.devnull) / "none.npy"


def _no_cache(path: Path) -> dict[str, Any]:
    """Read no ``labels.cache``: upstream unpickles it, and anyone may have written it."""
    raise FileNotFoundError(path)


def _keep_in_memory(_prefix: str, _path: Path, labels: dict[str, Any], version: str) -> None:
    """Write nothing beside the user's labels; the caller expects the version to be set."""
    labels["version"] = version


def _leave_image(image: str, _write: object) -> None:
    """Change no image of the user's: upstream writes a JPEG without an end marker anew."""
    print(f"{image} has something after its end; it is left as it is", flush=True)


def _check_image(image: str) -> tuple[str, tuple[int, int]]:
    """Check an image as upstream does, without the word that it was restored, which it was not."""
    return "", _upstream_check_image(image)[1]


def _no_arrays(dataset: Any) -> list[Path]:
    """Name no ``.npy`` beside an image: upstream would take its pixels for the image's."""
    return [_NOWHERE] * len(dataset.im_files)


def _autocast(enabled: bool | torch.dtype, device: str = "cuda") -> torch.autocast:
    """Allow bf16 on a CPU, which upstream refuses although recent ones compute it natively."""
    if device == "cpu":
        return torch.autocast("cpu", torch.bfloat16, enabled=enabled is torch.bfloat16)
    return _upstream_autocast(enabled, device)  # type: ignore[no-any-return]


def _initialize(model: Any) -> None:
    """Leave batch norm as the source of a network has it; upstream sets one epsilon for all.

    ``bn_eps`` and ``activations`` in an architecture are ours (Darknet's epsilon, YOLOv4's Mish);
    ``bn_eps`` is one number, or one for each batch norm by its name, where a model has layers
    that were trained with another (upstream's classifiers are). torchvision's layers keep
    what its weights were trained with.
    """
    own = {
        norm: (norm.eps, norm.momentum)
        for layer in model.modules()
        if isinstance(layer, TorchVision)
        for norm in layer.modules()
        if isinstance(norm, torch.nn.BatchNorm2d)
    }
    _upstream_initialize(model)
    epsilon = model.yaml.get("bn_eps", {})
    for name, norm in model.named_modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.eps = epsilon.get(name, norm.eps) if isinstance(epsilon, dict) else epsilon
    for norm, (eps, momentum) in own.items():
        norm.eps, norm.momentum = eps, momentum
    for name, layers in model.yaml.get("activations", {}).items():
        for index in layers:
            for module in model.model[index].modules():
                if isinstance(module, Conv):
                    module.act = _ACTIVATIONS[name]()


@contextlib.contextmanager
def _restrict(file: Any) -> Iterator[None]:
    """Allow what a grafted checkpoint holds beside upstream's own list; and nothing is called."""
    source = _take(file)
    with contextlib.suppress(ValueError):  # no zip archive: the loader says what it is
        needed = torch.serialization.get_unsafe_globals_in_checkpoint(source)
        torch.serialization.add_safe_globals([*list_torchvision_layers(needed)])
    with _upstream_loading(_take(file)), forbid_building():
        yield


def _load(file: Any, **options: Any) -> Any:
    """Load the bytes that were checked, whatever lies under their path by now."""
    return _upstream_load(_take(file), **options)


def _take(file: Any) -> Any:
    """Return the bytes that are being loaded, from their beginning on, in place of a path."""
    if not _content:
        return file
    _content[-1].seek(0)
    return _content[-1]


_content: list[io.BytesIO] = []
_upstream_initialize = _tasks.initialize_weights
_tasks.initialize_weights = _initialize
_tasks.TorchVision = StagedTorchVision
_upstream_loading = _tasks._SafeLoad.loading  # noqa: SLF001 - there is no public way
_tasks._SafeLoad.loading = _restrict  # noqa: SLF001
_upstream_load = _tasks.torch_load
_tasks.torch_load = _load
# With weights only, whatever the environment says; a worker may not have come from our parent.
_tasks.SAFE_LOAD = True
_checks.AUTOINSTALL = False
# Upstream reads another file where a name has a quote or is one of YOLOv5's, or fetches it.
_downloads.attempt_download_asset = lambda file, **_options: str(file)
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
_upstream_check_image = _data_utils.check_image
_data_utils.check_image = _check_image
_base.BaseDataset.npy_files = property(_no_arrays, lambda _dataset, _paths: None)
_base.BaseDataset.check_cache_ram = has_room_for_images
# A mosaic is called after the first of its images; all are named where a loss is NaN.
_augment.BaseMixTransform.get_params = remember_images(_augment.BaseMixTransform.get_params)
# Analytics, and the one setting that allows them.
events.enabled = False
SETTINGS.update(sync=False)


def explain_left_out(image: str, class_count: int) -> str:
    """Ask upstream once more about an image that it leaves out, and return what it says."""
    labels = _data_utils.img2label_paths([image])[0]
    request = (image, labels, "", False, class_count, 0, 0, False)
    said = str(_data_utils.verify_image_label(request)[-1])
    if "pi_heif" in said:  # which upstream asks for whenever Pillow knows no format
        return "Pillow does not recognise it"
    return said.removeprefix(f"{image}: ignoring corrupt image/label: ")


def use_cores(count: int) -> None:
    """Compute on this many cores; upstream leaves one idle and sets OMP to a single thread."""
    os.environ["OMP_NUM_THREADS"] = str(count)
    torch.set_num_threads(count)


def has_native_bf16_cpu() -> bool:
    """Tell whether this CPU multiplies bf16 in hardware (AVX-512 BF16 or AMX)."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def list_versions() -> dict[str, str]:
    """Return the versions of what a model is made with."""
    import ultralytics

    return {"torch": str(torch.__version__), "ultralytics": str(ultralytics.__version__)}


def guess_scale(path: str) -> str:
    """Return the scale letter in the name of an architecture's file, or an empty text."""
    return str(_tasks.guess_model_scale(path))


def load_model(
    path: str, digest: FileDigest | None = None, *, trust: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Load a checkpoint of any task with weights only, in FP32 and eval mode.

    Args:
        path: The checkpoint.
        digest: What it was when it was checked; None for one that this run wrote itself.
        trust: Load it even if that runs code which is stored in it.

    Returns:
        The model and what else the checkpoint holds.

    Raises:
        WeightsError: It is unreadable, has changed since it was checked, or needs classes that
            a YOLO checkpoint does not.
    """
    if trust:
        print(f"{path} is trusted: what is stored in it may run", flush=True)
    _content.append(read_weights(path, digest))
    try:
        with _trusting() if trust else contextlib.nullcontext():
            model, checkpoint = _tasks.load_checkpoint(path)
    except Exception as error:
        text = " ".join(str(error).replace("ERROR ❌️", "").split())
        message, hint = explain_unreadable(Path(path)) or (
            f"{path} cannot be loaded as weights only: {text}",
            "yolokit reads checkpoints as ultralytics saves them, YOLOv8 and later",
        )
        raise WeightsError(message, hint=hint) from error
    finally:
        _content.pop()
    return model, checkpoint


def load_state(
    path: str, digest: FileDigest | None = None, *, trust: bool = False
) -> dict[str, Any]:
    """Load a file that holds tensors by name alone, such as torchvision's.

    They may lie under ``state_dict`` or ``model``, as training scripts save them, and have the
    prefix ``module.`` of a network that was trained on several devices; it is taken off.

    Raises:
        WeightsError: It is unreadable, has changed, or holds anything else.
    """
    content = read_weights(path, digest)
    try:
        with contextlib.nullcontext() if trust else forbid_building():
            state = torch.load(content, map_location="cpu", weights_only=not trust)
    except Exception as error:
        message, hint = explain_unreadable(Path(path)) or (f"{path}: {error}", None)
        raise WeightsError(message, hint=hint) from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not _is_state(state):
        raise WeightsError(
            f"{path} holds no tensors by name, as torchvision's files do",
            hint="a state dict is read as it is, or under `state_dict` or `model`",
        )
    parallel = all(name.startswith("module.") for name in state)
    return {name.removeprefix("module.") if parallel else name: state[name] for name in state}


def _is_state(content: object) -> bool:
    return isinstance(content, dict) and all(
        isinstance(name, str) and torch.is_tensor(value) for name, value in content.items()
    )


@contextlib.contextmanager
def _trusting() -> Iterator[None]:
    """Load without the allow-list; for a file that the user named, and for that alone."""
    _tasks.SAFE_LOAD = False
    try:
        yield
    finally:
        _tasks.SAFE_LOAD = True
