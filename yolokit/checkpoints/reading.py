"""What a file of weights is, recognised by its bytes; nothing in it is loaded or run."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.checkpoints.known_globals import OTHER_YOLO, is_guarded, is_own, is_plausible
from yolokit.checkpoints.pickles import MAX_PICKLE_BYTES, PickleLimitError, scan_pickles
from yolokit.core.plural import counted
from yolokit.files.atomic import inside
from yolokit.files.file_kind import tell_kind
from yolokit.files.regular_file import why_no_file

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from yolokit.checkpoints.pickles import Global

_SHOWN_CHARACTERS = 80
_ZIP = b"PK\x03\x04"
_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, OSError),
    *(ValueError, EOFError, RuntimeError),
)
_HINT = "yolokit starts from .pt checkpoints of ultralytics, Darknet's files and torchvision's .pth"


def explain_unreadable(path: Path) -> tuple[str, str] | None:
    """Say why a file cannot be loaded as a checkpoint with weights only.

    Args:
        path: A file; links are followed.

    Returns:
        A message and a hint, or None if there is no reason.
    """
    try:
        reason = why_no_file(path)
        if reason is not None:
            return f"{path} {reason}", _HINT
        return _explain_file(path)
    except PickleLimitError as error:
        return f"{path} is refused: {error}", "no checkpoint is like that"
    except _UNREADABLE as error:
        return f"{path} is cut short or damaged: {error}", "fetch it again"


def _explain_file(path: Path) -> tuple[str, str] | None:
    with path.open("rb") as stream:
        head = stream.read(512)
    if not head.startswith((_ZIP, _LEGACY_TORCH)):
        return _explain_other(path, head)
    try:
        content, pickles = _read_pickles(path)
    except _NoCheckpointError as error:
        return f"{path} is {error}", _HINT
    scan = scan_pickles(content, pickles=pickles)
    # What it names matters more than damage.
    verdict = _explain_globals(path, scan.found)
    if verdict is None and scan.damage is not None:
        raise ValueError(scan.damage)
    return verdict


def read_pickle(path: Path) -> bytes:
    """Return a checkpoint's pickle as it is; nothing if it is not a checkpoint that can be read."""
    try:
        return _read_pickles(path)[0]
    except _UNREADABLE:
        return b""


class _NoCheckpointError(ValueError):
    """A file that torch can read is not a checkpoint."""


def _read_pickles(path: Path) -> tuple[bytes, int]:
    """Return the bytes of a checkpoint's pickle, without its tensors, and how many there are.

    Raises:
        PickleLimitError: It takes more work than any checkpoint.
        ValueError: It is damaged, something else, or ambiguous.
    """
    with path.open("rb") as stream:
        # torch decides by these bytes as well: a file may be an archive besides.
        if stream.read(len(_LEGACY_TORCH)) == _LEGACY_TORCH:
            # Before torch 1.6: after the magic number four pickles (protocol, system, object,
            # keys of the tensors), then the tensors.
            return stream.read(MAX_PICKLE_BYTES), 4
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            if any(re.match(r"[^/]+/(constants\.pkl|code/)", name) for name in names):
                raise _NoCheckpointError("a TorchScript archive, not a checkpoint")
            pickles = [name for name in names if re.fullmatch(r"[^/]+/data\.pkl", name)]
            if not pickles:
                raise _NoCheckpointError("a zip archive without a checkpoint in it")
            _require_one_meaning(names, pickles)
            return _read_member(archive, pickles[0]), 1


def _require_one_meaning(names: list[str], pickles: list[str]) -> None:
    """Refuse an archive that another reader may read differently.

    Raises:
        ValueError: It has several pickles, or members that lie outside of it.
    """
    if len(pickles) > 1:
        raise ValueError(
            f"it holds {counted(len(pickles), 'pickle')}, and nothing says which one counts"
        )
    climbing = next((name for name in names if inside(Path(), name) is None), None)
    if climbing is not None:
        raise ValueError(f"its member {climbing[:_SHOWN_CHARACTERS]} lies outside of it")


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member; neither its stated nor its real size may exceed the limit.

    Raises:
        ValueError: It is too large, or stored as torch does not store.
    """
    member = archive.getinfo(name)
    if member.file_size > MAX_PICKLE_BYTES:
        raise PickleLimitError(f"its pickle is larger than {MAX_PICKLE_BYTES >> 20} MiB")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("its pickle is compressed in a way that torch does not know")
    return archive.read(member)


def _explain_other(path: Path, head: bytes) -> tuple[str, str]:
    """Name a file that does not begin as torch's files do."""
    kind = tell_kind(head)
    if kind is not None:
        what, hint = kind.name, kind.hint
    elif path.suffix == ".onnx" or b"pytorch" in head:
        what = "an ONNX model, which `yolokit predict` and `yolokit val` take"
        hint = "give the checkpoint that it was exported from"
    else:
        what, hint = "of a kind that is not known here", None
    return f"{path} is not a checkpoint: it is {what}", hint or _HINT


def _explain_globals(path: Path, found: AbstractSet[Global]) -> tuple[str, str] | None:
    """Say why the classes and functions that a checkpoint names are refused.

    ``--trust`` is offered only where all of them are what the field uses.
    """
    foreign = {asked for asked in found if not is_own(asked)}
    roots = {asked.module.partition(".")[0] for asked in foreign}
    hostile = {
        asked
        for asked in foreign
        if not (is_plausible(asked) or is_guarded(asked))
        and asked.module.partition(".")[0] not in OTHER_YOLO
    }
    if hostile:
        return _refuse(path, hostile), "no checkpoint needs this: it looks like an attack"
    if any(asked.module in ("models.yolo", "models.common") for asked in foreign):
        return _explain_repository(path, {asked.name for asked in found})
    for root, title in OTHER_YOLO.items():
        if root in roots:
            return f"{path} is a checkpoint of {title}, whose classes are its own", _HINT
    unlisted = {asked for asked in foreign if not is_guarded(asked)}
    if not unlisted:
        return None
    if unlisted != foreign:
        return _refuse(path, foreign), "together these reach anything: it looks like an attack"
    hint = f"if you trust whoever made it, --trust {path} loads this one file anyway"
    return _refuse(path, foreign), hint


def _refuse(path: Path, found: AbstractSet[Global]) -> str:
    """Name what would run; a name is cut, since whoever made the file has chosen it."""
    names = sorted(str(asked) for asked in found)
    listed = ", ".join(name[:_SHOWN_CHARACTERS] for name in names[:5])
    listed += ", ..." if len(names) > 5 else ""
    return (
        f"{path} is refused: it cannot be loaded as weights only, since it would have to run "
        f"code that no YOLO needs ({listed})"
    )


def _explain_repository(path: Path, blocks: set[str]) -> tuple[str, str]:
    """Name the repository that saved whole objects of its own, and the file that works."""
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
    return message, f"the matching file that works: {match}"
