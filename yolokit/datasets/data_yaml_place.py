"""Where the ``data.yaml`` of a YOLO set lies, given the file or its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.errors import DataError
from yolokit.files.regular_file import why_no_file

if TYPE_CHECKING:
    from pathlib import Path

_USUAL = ("data.yaml", "dataset.yaml")
_SUFFIXES = (".yaml", ".yml")
_HEAD_BYTES = 1 << 20
_CONVERT_FIRST = "`yolokit data convert` makes one from the annotations of any tool"


def find_data_yaml(path: Path) -> Path:
    """Return a YAML file, or the one in a folder that describes a data set.

    Raises:
        DataError: There is no such file or folder, or a folder has none or several to choose from.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise DataError(
            "there is no such data.yaml, and no such folder", path=path, hint=_CONVERT_FIRST
        )
    found = list_data_yamls(path)
    if not found:
        raise DataError(
            "there is no data.yaml in this folder, nor another YAML file with `names` and splits",
            path=path,
            hint=_CONVERT_FIRST,
        )
    if len(found) > 1 and found[0].name not in _USUAL:
        names = ", ".join(entry.name for entry in found)
        raise DataError(f"several files in this folder describe a data set: {names}", path=path,
                        hint=f"name one of them, such as {found[0]}")  # fmt: skip
    return found[0]


def list_data_yamls(folder: Path) -> list[Path]:
    """Return the YAML files in a folder that describe a data set, those of a usual name first."""
    entries = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in _SUFFIXES)
    fits = [entry for entry in entries if is_data_yaml(entry)]
    return sorted(fits, key=lambda entry: entry.name not in _USUAL)


def is_data_yaml(path: Path) -> bool:
    """Tell whether a file is YAML with the keys of a data set, right or wrong in detail."""
    if path.suffix.lower() not in _SUFFIXES or why_no_file(path) is not None:
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    keys = {line.split(b":")[0].strip(b" \"'\r") for line in head.splitlines() if b":" in line}
    return b"names" in keys and bool(keys & {b"train", b"val", b"valid", b"test"})
