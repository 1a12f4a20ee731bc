"""What a run was started with, beside its options: the machine, the command, the user's code."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path, PurePath

import msgspec

from yolokit.core.machine import usable_cores

# Those that change how many threads compute, which device is seen, or how exactly it computes.
_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "KMP_AFFINITY",
    "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE",
    "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "PYTHONHASHSEED", "PYTORCH_CUDA_ALLOC_CONF",
)  # fmt: skip
_USER = re.compile(r"(?<=:)//[^/?#\s]*@")  # of an address: a name, and often a password
_CPU_INFO = Path("/proc/cpuinfo")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_MOST_BYTES = 1 << 20  # of a file of git's; packed-refs of large repositories have less


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was started with, beside its options.

    Attributes:
        command: The words of the command line. Of another program than ours its name alone: its
            arguments may be secrets.
        folder: The working folder, which relative paths start from.
        os: System, its version and the kind of processor, such as ``Linux-6.1-x86_64``.
        cpu: Model of the processor, as the system names it.
        cores: Cores that the process may keep busy.
        environment: Variables that change what is computed, where they are set.
        git_commit: Commit that the repository around the working folder has checked out. Its
            files may have been edited since. None where there is no repository.
    """

    command: list[str]
    folder: str
    os: str
    cpu: str
    cores: int
    environment: dict[str, str]
    git_commit: str | None = None


def observe_circumstances() -> Circumstances:
    """Return what this process was started with."""
    folder = Path.cwd()
    return Circumstances(
        command=_read_command(sys.argv),
        folder=os.fspath(folder),
        os=platform.platform(),
        cpu=_read_cpu(),
        cores=usable_cores(),
        environment={name: os.environ[name] for name in _VARIABLES if name in os.environ},
        git_commit=find_commit(folder),
    )


def _read_command(argv: list[str]) -> list[str]:
    path = PurePath(argv[0] if argv else "")
    name = path.parent.name if path.name == "__main__.py" else path.stem
    words = [_USER.sub("//", word) for word in argv[1:]]
    return ["yolokit", *words] if name == "yolokit" else [path.name]


def _read_cpu() -> str:
    try:
        lines = _CPU_INFO.read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def find_commit(folder: Path) -> str | None:
    """Return the commit checked out around a folder, from the files of its repository alone.

    Git is not run: what a repository configures could run anything.

    Source: https://git-scm.com/docs/gitrepository-layout
    """
    for parent in (folder, *folder.parents):
        place = parent / ".git"
        if place.is_dir():
            return _read_head(place)
        if place.is_file():  # of a worktree or a submodule: it names the folder
            stated = _read(place).removeprefix("gitdir:").strip()
            return _read_head(parent / stated) if stated else None
    return None


def _read_head(git_dir: Path) -> str | None:
    head = _read(git_dir / "HEAD").strip()
    if not head.startswith("ref:"):
        return head if _COMMIT.fullmatch(head) else None
    ref = head.removeprefix("ref:").strip()
    if not _REF.fullmatch(ref) or ".." in ref:
        return None
    shared = git_dir / (_read(git_dir / "commondir").strip() or ".")
    loose = _read(shared / ref).strip()
    if _COMMIT.fullmatch(loose):
        return loose
    packed = (line.split() for line in _read(shared / "packed-refs").splitlines())
    found = (words[0] for words in packed if len(words) == 2 and words[1] == ref)
    return next((commit for commit in found if _COMMIT.fullmatch(commit)), None)


def _read(path: Path) -> str:
    """Return a small text file; empty where there is none."""
    if not path.is_file():
        return ""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_BYTES)
    except OSError:  # not ours to read
        return ""
