"""Architectures by name: the detection models that the installed ultralytics describes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from yolokit.core.extras import missing
from yolokit.core.suggest import unknown_name
from yolokit.errors import ConfigError

_SCALED = re.compile(r"^(yolov?\d+)([nslmx])(-.+)?$")
# Other tasks and other trainers: this version trains detectors of the YOLO kind.
_OTHER = re.compile(r"-(cls|seg|pose|obb|depth|sem|world|worldv2|rtdetr)|^(rtdetr|yoloe)")


def find_arch(name: str) -> tuple[Path, str]:
    """Find the YAML file of an architecture.

    Args:
        name: Name with its scale letter, e.g. ``yolo26n``, or the path of a YAML file.

    Returns:
        The file, and the stem under which the engine must see it to know the scale.

    Raises:
        ConfigError: There is none; the message suggests the nearest.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise ConfigError(f"--arch {name}: there is no such file")
        return path.resolve(), path.stem
    files = _list_files()
    for stem in (_without_scale(name), name):
        if stem in files and name in list_archs():
            return files[stem], name
    raise unknown_name("architecture", name, list_archs())


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
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        raise missing("ultralytics", extra="train", purpose="Training")
    root = Path(next(iter(spec.submodule_search_locations))) / "cfg" / "models"
    return {
        path.stem: path for path in sorted(root.glob("*/*.yaml")) if not _OTHER.search(path.stem)
    }


def _read_scales(path: Path) -> list[str]:
    """Return the keys of a YAML's ``scales`` without parsing the rest of the file."""
    block = re.search(r"^scales:.*\n((?:[ #].*\n|\n)+)", path.read_text("utf-8"), re.MULTILINE)
    return re.findall(r"^\s+([nslmx]):", block[1], re.MULTILINE) if block else []
