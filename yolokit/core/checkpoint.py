"""What a file of weights is, told from its bytes; nothing in it is loaded or run."""

from __future__ import annotations

import pickletools
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Attribute of every model that our trainer saves. Its value is one text rather than a dict, so that
# it is found in the pickle without loading anything.
LINEAGE_KEY = "yolokit_lineage"

_MAX_PICKLE_BYTES = 64 << 20  # a checkpoint's pickle has no tensors in it: some hundred kB
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, OSError),
    *(ValueError, EOFError, RuntimeError),
)
_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
# How files begin that are taken for checkpoints by mistake.
_SIGNATURES = (
    (b"version https://git-lfs", "a git-LFS pointer: the file itself was not fetched"),
    (b"<", "a web page or XML: a download that went wrong"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89HDF", "an HDF5 file (Keras)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x7fELF", "a program"),
)
_OWN = ("torch", "ultralytics", "collections", "numpy", "pathlib")
_BUILTINS = (
    *("set", "frozenset", "dict", "list", "tuple", "slice", "object"),
    *("int", "float", "bool", "str", "bytes", "bytearray", "complex"),
)
# Nothing innocent asks for these.
_HOSTILE = (
    *("os", "posix", "nt", "sys", "subprocess", "shutil", "socket"),
    *("builtins", "__builtin__", "runpy", "importlib", "ctypes"),
)
_OTHER_YOLO = {
    "yolov6": "YOLOv6's own repository",
    "yolox": "YOLOX",
    "super_gradients": "YOLO-NAS",
    "damo": "DAMO-YOLO",
    "mmengine": "MMDetection",
    "mmdet": "MMDetection",
}


def explain_unreadable(path: Path) -> tuple[str, str] | None:
    """Say why a file is no checkpoint that can be loaded with weights only.

    Args:
        path: An existing file.

    Returns:
        A message and a hint, or None if nothing speaks against the file.
    """
    with path.open("rb") as stream:
        head = stream.read(32)
    if not head:
        return f"{path} is empty", "fetch it again"
    if not head.startswith((b"PK\x03\x04", _LEGACY_TORCH)):
        return f"{path} is no checkpoint: it is {_name(head, path)}", _HINT
    try:
        pickle, script = _read_pickle(path)
    except _UNREADABLE as error:
        return f"{path} is cut short or damaged: {error}", "fetch it again"
    if script:
        return f"{path} is a TorchScript archive, not a checkpoint", _HINT
    if pickle is None:
        return f"{path} is a zip archive without a checkpoint in it", _HINT
    return _explain_classes(path, list_classes(pickle))


_HINT = "yolokit starts from .pt checkpoints of ultralytics, Darknet's files and torchvision's .pth"


def list_classes(pickle: bytes) -> set[str]:
    """Return the names of all classes and functions that a pickle asks for, running none.

    Source: the opcodes GLOBAL and STACK_GLOBAL of Python's pickle protocol.
    """
    found: set[str] = set()
    for opcode, argument, before in _read_opcodes(pickle):
        if opcode == "GLOBAL":
            found.add(str(argument).replace(" ", "."))
        elif opcode == "STACK_GLOBAL":
            found.add(".".join(map(str, before)))
    return found


def find_text(path: Path, name: str) -> str | None:
    """Return the text that a checkpoint keeps under a name, at whatever depth, loading nothing.

    Args:
        path: An existing file.
        name: Key of a dict or attribute of an object.

    Returns:
        None if it has none, or is no checkpoint that can be read.
    """
    try:
        pickle, _script = _read_pickle(path)
    except _UNREADABLE:
        return None
    if pickle is None or name.encode() not in pickle:  # most have none: nothing to take apart
        return None
    for _opcode, argument, before in _read_opcodes(pickle):
        if before[-1] == name and isinstance(argument, str):
            return argument
    return None


def _read_opcodes(pickle: bytes) -> Iterator[tuple[str, object, tuple[object, object]]]:
    """Yield the name of each opcode, its argument, and the arguments of the two before it.

    What is recalled counts as the argument; opcodes that memoize are left out. A damaged pickle
    ends early: the loader will say so.
    """
    before: tuple[object, object] = (None, None)
    memo: dict[object, object] = {}
    try:
        for opcode, argument, _position in pickletools.genops(pickle):
            if opcode.name == "MEMOIZE":
                memo[len(memo)] = before[-1]
                continue
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[argument] = before[-1]
                continue
            recalled = opcode.name in ("GET", "BINGET", "LONG_BINGET")
            value = memo.get(argument) if recalled else argument
            yield opcode.name, value, before
            before = (before[-1], value)
    except ValueError:
        return


def _read_pickle(path: Path) -> tuple[bytes | None, bool]:
    """Return a checkpoint's pickle without its tensors, and whether it is a TorchScript."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            if stream.read(len(_LEGACY_TORCH)) != _LEGACY_TORCH:
                raise ValueError("its directory of contents is missing")
            return _LegacyReader(stream.read(_MAX_PICKLE_BYTES)).rest(), False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        script = any(re.search(r"^[^/]+/(constants\.pkl|code/)", name) for name in names)
        wanted = next((name for name in names if re.search(r"^[^/]+/data\.pkl$", name)), None)
        if wanted is None:
            return None, script
        if archive.getinfo(wanted).file_size > _MAX_PICKLE_BYTES:
            raise ValueError(f"its pickle is larger than {_MAX_PICKLE_BYTES >> 20} MiB")
        return archive.read(wanted), script


class _LegacyReader:
    """The format before torch 1.6: several pickles one after another, the object is the third."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def rest(self) -> bytes:
        """Return what follows the protocol version and the description of the system."""
        position = 0
        for _ in range(2):
            for opcode, _argument, at in pickletools.genops(self._content[position:]):
                if opcode.name == "STOP" and at is not None:
                    position += at + 1
                    break
        return self._content[position:]


def _name(head: bytes, path: Path) -> str:
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if head[8:9] == b"{":
        return "a safetensors file"
    if path.suffix == ".onnx" or b"pytorch" in head:
        return "an ONNX model: `yolokit predict` runs it, but training needs the checkpoint"
    if head[:1] == b"\x80":
        return "a bare pickle, which could run anything"
    return "of no kind that is known here"


def _explain_classes(path: Path, classes: set[str]) -> tuple[str, str] | None:
    foreign = sorted(name for name in classes if not _is_own(name))
    roots = {name.split(".", 1)[0] for name in foreign}
    if any(name.startswith(("models.yolo.", "models.common.")) for name in foreign):
        return _explain_repository(path, classes)
    for root, title in _OTHER_YOLO.items():
        if root in roots:
            return f"{path} is a checkpoint of {title}, whose classes are its own", _HINT
    unknown = [name for name in foreign if not name.startswith("torchvision.")]
    if not unknown:
        return None
    listed = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
    message = (
        f"{path} is refused: it cannot be loaded as weights only, since code would have to run "
        f"that no YOLO needs ({listed})"
    )
    if roots & set(_HOSTILE):
        return message, "no checkpoint needs this: it looks like an attack"
    return (
        message,
        f"if you trust whoever made it, --trust {path} loads this very file all the same",
    )


def _is_own(name: str) -> bool:
    root, _, rest = name.partition(".")
    return root in _OWN or (root in ("builtins", "__builtin__") and rest in _BUILTINS)


def _explain_repository(path: Path, classes: set[str]) -> tuple[str, str]:
    """Name the repository that saved whole objects of its own, and the file that works."""
    blocks = {name.rsplit(".", 1)[-1] for name in classes}
    if "RepNCSPELAN4" in blocks or "ADown" in blocks:
        return _legacy(path, "YOLOv9", "yolov9c, or any yolov9 of `yolokit weights list`")
    if blocks & {"SPPCSPC", "RepConv", "MP", "ReOrg", "IDetect"}:
        return _legacy(path, "YOLOv7", "no YOLOv7 has been converted; yolo11m or yolo26m")
    size = re.match(r"yolov5([nslmx])(6?)", path.name)
    match = f"yolov5{size[1]}{size[2]}u" if size else "yolov5nu, yolov5su, ... yolov5xu"
    return _legacy(path, "YOLOv5", match)


def _legacy(path: Path, title: str, match: str) -> tuple[str, str]:
    message = (
        f"{path} is a checkpoint of the original {title} repository: it holds classes of that "
        "repository (models.yolo, models.common), which cannot be loaded without running its code"
    )
    return message, f"the matching file that works: --weights {match}"
