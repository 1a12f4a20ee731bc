"""``yolokit doctor``: what this machine has, what really loads, and what to do about the rest.

``--gpu`` adds a small train, export and predict on the GPU.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.core.extras import install_command, is_installed
from yolokit.core.machine import usable_cores
from yolokit.core.plural import counted
from yolokit.core.privacy import ENGINE_VARIABLES, TELEMETRY_VARIABLE, is_telemetry_refused
from yolokit.errors import YolokitError
from yolokit.files.own_folders import HOME_VARIABLE, NO_CACHE_VARIABLE, cache_dir
from yolokit.hub.store import store_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BASE = (
    "numpy", "opencv-python", "av", "msgspec", "typer", "rich", "faster-coco-eval",
    "defusedxml", "pyyaml", "platformdirs", "httpx", "filelock",
)  # fmt: skip
_TRAIN = ("torch", "torchvision", "ultralytics", "onnx", "onnxslim", "matplotlib")
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
_LOW_DISK_BYTES = 5 << 30
_GPU_IMAGES = 48


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, what was found, and what to do about it, if anything.

    ``fail`` is what stops a base job; ``warn`` what stops an optional one; ``absent`` is what this
    machine has not and may never need.
    """

    about: str
    state: Literal["ok", "warn", "fail", "absent"]
    detail: str
    advice: str | None = None


def examine() -> Iterator[Finding]:
    """Yield findings one by one, cheap ones first."""
    version = platform.python_version()
    cores = f"{usable_cores()} usable of {os.cpu_count()} (affinity, limits, OMP_NUM_THREADS)"
    yield Finding("python", "ok", f"{version} ({sys.executable})")
    yield Finding("system", "ok", platform.platform())
    yield Finding("cores", "ok", cores)
    yield from _examine_packages()
    yield _examine_opencv()
    yield from _examine_providers()
    yield from _examine_torch()
    yield from _examine_privacy()
    yield from _examine_folders()
    yield from _examine_profiles()


def _examine_packages() -> Iterator[Finding]:
    again = "install yolokit again: this is one of its base packages"
    for package in _BASE:
        yield _examine_package(package, "fail", "not installed", again)
    yield _examine_runtimes([name for name in _RUNTIMES if _version(name)])
    missing, command = "not installed: train and export need it", install_command("train")
    for package in _TRAIN:
        yield _examine_package(package, "warn", missing, command)


def _examine_package(
    package: str, state: Literal["warn", "fail"], missing: str, advice: str
) -> Finding:
    version = _version(package)
    if version is None:
        return Finding(package, state, missing, advice)
    return Finding(package, "ok", version)


def _examine_runtimes(installed: list[str]) -> Finding:
    listed = ", ".join(f"{name} {_version(name)}" for name in installed)
    if not installed:
        if is_installed("openvino"):
            missing = "not installed: export needs it; predict and val have OpenVINO"
            return Finding("onnxruntime", "warn", missing, install_command("cpu"))
        missing = "not installed: predict, val and export need it"
        return Finding("onnxruntime", "fail", missing, install_command("cpu"))
    if len(installed) > 1:
        advice = "make a fresh environment with one of the extras cpu and gpu"
        clash = f"{listed}: these overwrite each other's files"
        return Finding("onnxruntime", "fail", clash, advice)
    return Finding("onnxruntime", "ok", listed)


def _examine_opencv() -> Finding:
    try:
        import cv2
    except ImportError as error:
        advice = "install opencv-python again"
        if "libGL" in str(error):
            advice = (
                "install the system's OpenGL library, e.g. `apt-get install libgl1 libglib2.0-0`"
            )
        return Finding("opencv loads", "fail", str(error), advice)
    return Finding("opencv loads", "ok", str(cv2.__version__))


def _examine_providers() -> Iterator[Finding]:
    """Open a model on each provider that is installed, and say of the rest how they are."""
    from yolokit.runtime.probe import probe_provider
    from yolokit.runtime.providers.toolkit import list_providers, load_provider
    from yolokit.runtime.session import list_installed

    installed = list_installed()
    for name in installed:
        found = probe_provider(name)
        about = f"provider {name}"
        if found.failure is not None:
            yield Finding(about, "warn", f"does not load: {found.failure}", found.hint)
        else:
            precisions = ", ".join(found.precisions)
            yield Finding(about, "ok", f"computes in {precisions} ({found.version})")
    for name in list_providers():
        if name not in installed:
            how = load_provider(name).how_to_install()
            yield Finding(f"provider {name}", "absent", f"not installed: {how}")


def _examine_torch() -> Iterator[Finding]:
    """Ask torch for its devices in a process of its own; it takes seconds to import."""
    if not is_installed("torch"):
        return
    import subprocess

    code = (
        "import torch; n = torch.cuda.device_count(); "
        "print(', '.join(f'{i}: {torch.cuda.get_device_name(i)}' for i in range(n)))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        yield Finding("torch loads", "warn", "not within two minutes")
        return
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        yield Finding("torch loads", "warn", reason, install_command("train"))
        return
    gpus = done.stdout.strip()
    devices = f"cpu, {gpus}" if gpus else "cpu only: training runs on the CPU"
    yield Finding("torch devices", "ok", devices)


def _examine_privacy() -> Iterator[Finding]:
    """Say what libraries would send or leave by themselves, and whether that is switched off."""
    refused, setting = is_telemetry_refused(), os.environ.get(TELEMETRY_VARIABLE)
    how = "off" if refused else "left on, as you set it"
    yield Finding("telemetry", "ok", f"onnxruntime's is {how} ({TELEMETRY_VARIABLE}: {setting})")
    if is_installed("openvino"):
        yield Finding("telemetry", "ok", "OpenVINO's is never loaded (package openvino_telemetry)")
    for name, value, stopped in ENGINE_VARIABLES:
        place = value.format(scratch="a temporary folder")
        yield Finding("off in training", "ok", f"{stopped} ({name}: {place})")


def _examine_folders() -> Iterator[Finding]:
    from yolokit.runtime.providers.toolkit.compiled import LIMIT_BYTES, measure
    from yolokit.runtime.session import COMPILED

    home = os.environ.get(HOME_VARIABLE)
    for kind in ("datasets", "weights"):
        folder = store_dir(kind)
        is_local = folder.parent == Path.cwd()
        why = "the working folder has it" if is_local else "the platform's folder for data"
        why = f"{HOME_VARIABLE} is set" if home else why
        yield _examine_folder(f"{kind} land in", folder, why)
    kept = cache_dir(COMPILED)
    if kept is None:
        yield Finding("compiled models", "ok", f"are not kept ({NO_CACHE_VARIABLE} is set)")
    else:
        count, size_bytes = measure(kept)
        what = f"{counted(count, 'model')}, {size_bytes >> 20} of at most {LIMIT_BYTES >> 20} MiB"
        yield Finding("compiled models", "ok", f"{kept} ({what}; may be deleted at any time)")
    yield _examine_folder("runs land in", Path.cwd() / "runs", "below the working folder")


def _examine_folder(about: str, folder: Path, why: str) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_bytes = shutil.disk_usage(existing).free
    detail = f"{folder} ({why}; {free_bytes / 2**30:.0f} GiB free)"
    if not os.access(existing, os.W_OK):
        fault = f"{detail}: {existing} cannot be written"
        return Finding(about, "fail", fault, f"change its permissions, or set {HOME_VARIABLE}")
    if free_bytes < _LOW_DISK_BYTES:
        return Finding(about, "warn", detail, "free some disk space")
    return Finding(about, "ok", detail)


def _examine_profiles() -> Iterator[Finding]:
    """Say which models run as `yolokit bench` found best."""
    from yolokit.runtime.profiles import Profile, find_stale, iter_profiles

    for path, profile in iter_profiles():
        if not isinstance(profile, Profile):
            yield Finding("profile", "warn", f"a profile {profile}", f"remove {path}")
            continue
        threads = counted(profile.threads, "thread")
        how = f"{profile.model}: {profile.provider} in {profile.precision}, {threads} ({path})"
        stale = find_stale(profile)
        if stale is None:
            yield Finding("profile", "ok", how)
        else:
            again = f"`yolokit bench {profile.model}` measures it again"
            yield Finding("profile", "warn", f"{how} {stale}", again)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def check_gpu(say: Callable[[str], None]) -> Iterator[Finding]:
    """Train two epochs on GPU 0, export, and predict with the CUDA provider; say each beforehand.

    Yields:
        A finding for each step; the first that fails is the last.
    """
    with tempfile.TemporaryDirectory(prefix="yolokit-gpu-") as scratch:
        folder = Path(scratch)
        for step in (_train, _export, _predict):
            about = f"gpu: {step.__name__.removeprefix('_')}"
            say(f"{about} ...")
            try:
                detail = step(folder)
            except YolokitError as error:
                yield Finding(about, "fail", str(error), error.hint)
                return
            yield Finding(about, "ok", detail)


def _train(folder: Path) -> str:
    from yolokit.convert.config import ConvertConfig
    from yolokit.convert.job import convert
    from yolokit.jobs.demo import write_demo
    from yolokit.jobs.quickstart import START
    from yolokit.train.config import TrainConfig
    from yolokit.train.run import train_model

    write_demo(folder / "demo", images=_GPU_IMAGES, video_seconds=0)
    convert(ConvertConfig(folder / "demo", folder / "data"))
    config = TrainConfig(
        str(folder / "data" / "data.yaml"), weights=str(START), epochs=2, imgsz=320, batch=8,
        device="0", validate=False,
    )  # fmt: skip
    record = train_model(config, folder=folder / "train").record
    seconds = record.epochs[-1].seconds
    return f"2 epochs on {record.device} in {record.precision}, the second in {seconds:.1f} s"


def _export(folder: Path) -> str:
    from yolokit.export.config import ExportConfig
    from yolokit.export.run import export_model

    artifact = export_model(ExportConfig(folder / "train" / "best.pt"))
    compared = counted(artifact.parity.matched, "detection")
    return f"{artifact.parity.verdict}: {compared} compared"


def _predict(folder: Path) -> str:
    from yolokit.runtime.config import PredictConfig
    from yolokit.runtime.predict import predict_files

    model, images = folder / "train" / "best.onnx", folder / "data" / "images"
    run = predict_files(PredictConfig(model, images, provider="cuda", out=folder / "predicted"))
    rate = run.summary.frames / run.summary.wall_s
    return f"{counted(run.summary.frames, 'image')} on {run.provider}, {rate:.0f} a second"
