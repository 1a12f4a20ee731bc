"""Architectures by name: those that the installed ultralytics describes, and Darknet's own."""

from __future__ import annotations

import importlib.util
import math
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolokit.core.extras import missing
from yolokit.core.plural import counted
from yolokit.core.suggest import unknown_name
from yolokit.errors import ConfigError, WeightsError
from yolokit.train.darknet.cfg import read_cfg

_SCALED = re.compile(r"^(yolov?\d+)([nslmx])(-.+)?$")
_Row = tuple[object, int, str, int | None]  # source, repeats, module, width in channels
_STAGE_32 = 5  # the fifth layer that halves the map begins the stage at stride 32
_DARKNET = {
    "yolov3-tiny": "darknet-yolov3-tiny",
    "yolov3": "darknet-yolov3",
    "darknet53": "darknet-yolov3",
    "yolov4": "darknet-yolov4",
}
# Other tasks and other trainers: this version trains detectors of the YOLO kind.
_OTHER = re.compile(r"-(cls|seg|pose|obb|depth|sem|worldv2|world|rtdetr)(?=-|$)|^(rtdetr|yoloe)")
_OTHER_TASKS = {
    "cls": "a classifier",
    "seg": "a network that segments",
    "pose": "a network for poses",
    "obb": "a network for oriented boxes",
    "depth": "a network that estimates depth",
    "sem": "a network for semantic segmentation",
}


@dataclass(frozen=True, slots=True)
class Arch:
    """The file of an architecture, and the stem under which the engine reads its scale."""

    path: Path
    stem: str

    @property
    def scale(self) -> str | None:
        """The scale letter in its name."""
        match = _SCALED.match(self.stem)
        return match[2] if match else None

    def write_to(self, folder: Path) -> Path:
        """Write the architecture as YAML into a folder, a Darknet cfg translated.

        Raises:
            DataError: The cfg describes something that has no counterpart.
        """
        import yaml

        copy = folder / f"{self.stem}.yaml"
        if self.path.suffix == ".cfg":
            copy.write_text(yaml.safe_dump(read_cfg(self.path), sort_keys=False), "utf-8")
        else:
            shutil.copyfile(self.path, copy)
        return copy


def find_arch(name: str) -> Arch:
    """Find an architecture.

    Args:
        name: Name with its scale letter, e.g. ``yolo26n``, or the path of a YAML file or of a
            Darknet ``.cfg``.

    Raises:
        ConfigError: There is none; the message suggests the nearest.
        DataError: A cfg describes something that has no counterpart; with its line.
    """
    if name.endswith((".yaml", ".yml", ".cfg")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise ConfigError(f"--arch {name}: there is no such file")
        return _check(Arch(path.resolve(), path.stem))
    files = _list_files()
    for stem in (_without_scale(name), name):
        if stem in files and name in list_archs():
            return Arch(files[stem], name)
    raise _unknown(name)


def _unknown(name: str) -> ConfigError:
    """Say why an architecture is not trained here, or which name is near."""
    archs, other = list_archs(), _OTHER.search(name)
    if other is None:
        return unknown_name("architecture", name, archs)
    detector = _OTHER.sub("", name)
    what = _OTHER_TASKS.get(other[1] or "", "another kind of network")
    return ConfigError(
        f"{name} is {what}, and this version trains detectors of boxes",
        hint=f"--arch {detector} is the detector of its family" if detector in archs else None,
    )


def find_classifier_arch(name: str) -> Arch:
    """Find the architecture of a classifier that the installed ultralytics describes.

    Args:
        name: Name with its scale letter, e.g. ``yolo26n-cls``.

    Raises:
        ConfigError: There is none.
    """
    path = _list_upstream_files().get(_without_scale(name))
    if path is None:
        raise ConfigError(f"the installed ultralytics does not describe {name}")
    return Arch(path, name)


def find_darknet_arch(weights: Path) -> Arch:
    """Find the architecture of a Darknet file: the cfg beside it, or one known by its name.

    Raises:
        WeightsError: There is neither.
    """
    plain = re.sub(r"(\.weights|\.conv\.\d+)$", "", weights.name)
    for candidate in (weights.with_suffix(".cfg"), weights.with_name(f"{plain}.cfg")):
        if candidate.is_file():
            return _check(Arch(candidate, plain))
    known = _DARKNET.get(plain)
    if known is None:
        raise WeightsError(
            f"{weights} does not say what network it belongs to",
            hint=f"put its {plain}.cfg beside it, or give the cfg with --arch",
        )
    return find_arch(known)


def _check(arch: Arch) -> Arch:
    """Refuse a cfg that cannot be translated before anything is made for the run."""
    if arch.path.suffix == ".cfg":
        read_cfg(arch.path)
    return arch


def list_archs() -> list[str]:
    """Return the names of all architectures, scale letters included."""
    names = []
    for stem, path in _list_files().items():
        scales = _read_scales(path)
        match = re.match(r"^(yolov?\d+)(-.+)?$", stem)
        if scales and match:
            names += [f"{match[1]}{scale}{match[2] or ''}" for scale in scales]
        else:
            names.append(stem)
    return sorted(names)


def _without_scale(name: str) -> str:
    match = _SCALED.match(name)
    return f"{match[1]}{match[3] or ''}" if match else name


def _list_files() -> dict[str, Path]:
    ours = {path.stem: path for path in sorted((Path(__file__).parent / "archs").glob("*.yaml"))}
    theirs = _list_upstream_files()
    return ours | {stem: path for stem, path in theirs.items() if not _OTHER.search(stem)}


def _list_upstream_files() -> dict[str, Path]:
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        raise missing("ultralytics", extra="train", purpose="Training")
    root = Path(next(iter(spec.submodule_search_locations))) / "cfg" / "models"
    return {path.stem: path for path in sorted(root.glob("*/*.yaml"))}


def _read_scales(path: Path) -> list[str]:
    """Return the keys of a YAML's ``scales`` without parsing the rest of the file."""
    block = re.search(r"^scales:.*\n((?:[ #].*\n|\n)+)", path.read_text("utf-8"), re.MULTILINE)
    return re.findall(r"^\s+([nslmx]):", block[1], re.MULTILINE) if block else []


def require_same_backbone(detector: Arch, classifier: Arch) -> None:
    """Refuse a detector that lacks the classifier's stages at strides 8 and 16.

    A forecast from their YAML files, before a classifier is fetched; the engine compares what the
    layers compute.

    Args:
        detector: One that the installed ultralytics describes.
        classifier: As the detector.

    Raises:
        ConfigError: They differ before the end of the stage at stride 16.
    """
    ours, theirs = _read_rows(detector), _read_rows(classifier)
    alike = next(
        (i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]),
        min(len(ours), len(theirs)),
    )
    halving = [index for index, row in enumerate(_load(classifier)["backbone"]) if _halves(row)]
    least = halving[_STAGE_32 - 1]
    if alike < least:
        are = counted(alike, "layer is", "layers are")
        raise ConfigError(
            f"{classifier.stem} has no backbone for {detector.stem}: only {are} alike "
            f"from the start, and the stages up to stride 16 have {least} (layer {alike} is "
            f"{ours[alike][2]} here, {theirs[alike][2]} there)",
            hint="--backbone torchvision:NAME --init imagenet brings another backbone",
        )


def _load(arch: Arch) -> dict[str, Any]:
    import yaml

    content: dict[str, Any] = yaml.safe_load(arch.path.read_bytes())
    return content


def _halves(row: list[Any]) -> bool:
    _source, _repeats, module, values = row
    return bool(module == "Conv" and values[2:3] == [2])


def _read_rows(arch: Arch) -> list[_Row]:
    """Return the rows of a backbone, repeats and widths scaled as upstream's parser does."""
    content = _load(arch)
    scale = arch.scale
    depth, width, most = content["scales"][scale] if scale else (1.0, 1.0, float("inf"))
    rows: list[_Row] = []
    for source, repeats, module, values in content["backbone"]:
        channels = values[0] if values and isinstance(values[0], int) else None
        scaled = None if channels is None else math.ceil(min(channels, most) * width / 8) * 8
        times = max(round(repeats * depth), 1) if repeats > 1 else repeats
        rows.append((source, times, module, scaled))
    return rows
