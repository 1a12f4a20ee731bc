"""What torch and ultralytics raise, in a sentence for a person; imports neither of them."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from yolokit.engine.memory import read_free_bytes
from yolokit.engine_protocol.child import Failed

_NO_MEMORY = (
    "out of memory",  # CUDA's and MPS's
    "defaultcpuallocator",  # torch's on a CPU
    "can't allocate memory",
    "std::bad_alloc",
    "insufficient memory",  # OpenCV's
    "cublas_status_alloc_failed",
)
# oneDNN's words for any failure, the lack of memory among them.
_NO_MEMORY_MAYBE = (
    "could not create a primitive",
    "could not execute a primitive",
    "could not create a memory object",
)
_LITTLE_BYTES = 300_000_000
# Of torch's writer, which hides the number of the error.
_NO_ROOM = ("file write failed", "PytorchStreamWriter failed", "unexpected pos")
_LOST_WORKER = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)")
_FAILED_WORKER = re.compile(r"Caught \w+ in DataLoader worker process")
_LOST_IMAGE = re.compile(r"Image Not Found (.+)")
_LESS = "use a smaller --batch or --imgsz"


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, of a device or of the machine."""
    if is_lost_worker(error):
        return False
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(sign in text for sign in _NO_MEMORY):
        return True
    # What the error holds on to is not freed yet, so that little is left where that was the cause.
    return any(sign in text for sign in _NO_MEMORY_MAYBE) and read_free_bytes() < _LITTLE_BYTES


def is_lost_worker(error: BaseException) -> bool:
    """Tell whether a process that loads images is gone."""
    return _LOST_WORKER.search(str(error)) is not None


def is_full_disk(error: BaseException) -> bool:
    """Tell whether an error says that there is no room for a file."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _NO_ROOM)


def explain(error: Exception, failure: str) -> Failed:
    """Turn an error of torch or ultralytics into one sentence for a person.

    Args:
        error: What was raised.
        failure: Class of ``yolokit.errors`` for what has no better one.
    """
    raw = str(error)
    text = " ".join(raw.replace("❌️", "").replace("❌", "").split())
    known = _explain_lack(error, text, failure) or _explain_image(raw, failure)
    if known is not None:
        return known
    name = type(error).__name__
    return Failed(failure, f"{name}: {text}" if text else name)


def _explain_lack(error: Exception, text: str, failure: str) -> Failed | None:
    """Explain what the machine lacks: memory, a process that it has ended, room on a disk."""
    if is_lost_worker(error):
        return _explain_lost_worker(text, failure)
    if is_out_of_memory(error):
        where = "device" if "out of memory" in text.lower() else "machine"
        hint = _LESS if failure == "TrainError" else None
        return Failed(failure, f"the {where} ran out of memory", hint)
    if is_full_disk(error):
        return Failed(failure, _explain_full_disk(error), "make room on it")
    return None


def _explain_image(raw: str, failure: str) -> Failed | None:
    """Explain what happened to an image where it was loaded."""
    lost = _LOST_IMAGE.search(raw)
    if lost:
        return _explain_lost_image(lost[1].strip())
    if _FAILED_WORKER.search(raw):
        last = raw.strip().splitlines()[-1].strip()
        return Failed(failure, f"a process that loads images failed: {last}")
    return None


def _explain_lost_worker(text: str, failure: str) -> Failed:
    """Say how a process that loads images ended, and what makes that less likely."""
    died = "a process that loads images died"
    fewer = "take fewer of them with `--set workers=N`; 0 has training load images by itself"
    shm = "give a container more of it, as `docker run --shm-size 2g` does"
    if "Bus error" in text or "shared memory" in text:
        what = "it found no room in /dev/shm, through which it hands over images"
        return Failed(failure, f"{died}: {what}", f"{shm}, or {fewer}")
    what = "the system ended it, as it does where memory or /dev/shm runs out"
    return Failed(failure, f"{died}: {what}", f"{fewer}; if it is /dev/shm, {shm}")


def _explain_full_disk(error: BaseException) -> str:
    name = error.filename if isinstance(error, OSError) else None
    return f"the disk of {Path(str(name)).parent} is full" if name else "the disk is full"


def _explain_lost_image(path: str) -> Failed:
    """Say what became of an image that could be read before the start."""
    what = "can no longer be read" if Path(path).exists() else "is not there any more"
    hint = "put it back as it was; what was checked at the start is what is trained on"
    return Failed("DataError", f"{path}: the image {what}, though it was when training began", hint)
