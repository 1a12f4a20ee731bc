"""How a run was started: the command, the machine, and what around it decides the outcome."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path, PurePath

import msgspec

import yolokit
from yolokit.core.machine import read_cpu_name, usable_cores
from yolokit.files.git_commit import GitCommit, read_git_commit

# What numerical libraries, torch and yolokit read.
_COUNTS = re.compile(
    r"(OMP|KMP|MKL|OPENBLAS|BLIS|NUMEXPR|VECLIB|ONEDNN|DNNL|ATEN|TORCH|PYTORCH|CUDA|CUBLAS|CUDNN"
    r"|NVIDIA|NCCL|GLOO|YOLOKIT)_\w+|PYTHONHASHSEED|WORLD_SIZE|LD_PRELOAD"
)
_SECRET = re.compile(r"TOKEN|SECRET|PASS|CREDENTIAL|AUTH|_KEY")
_USER = re.compile(r"(?<=:)//[^/?#\s]*@")  # of an address: a name, and often a password


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a run, or one resumption.

    Attributes:
        at: When, with its zone.
        command: The words of the command line, without the user of an address. Of another program
            than ours its name alone: its arguments may be secrets.
        folder: The working folder.
        system: Operating system, with its version.
        cpu: Model of the processor; None where the system does not tell.
        cores: Those that the run might use.
        variables: Of the environment, those that numerical libraries and yolokit read.
        git: What the working folder is a checkout of, if anything.
        versions: Of yolokit and of what it stands on.
        yolokit_git: What yolokit itself is run from, if that is a checkout.
    """

    at: str
    command: tuple[str, ...]
    folder: str
    system: str
    cpu: str | None
    cores: int
    variables: dict[str, str] = {}
    git: GitCommit | None = None
    versions: dict[str, str] = {}
    yolokit_git: GitCommit | None = None


def describe_launch(versions: dict[str, str]) -> Launch:
    """Return what is known of the start that is being made, with these versions of packages."""
    return Launch(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=_read_command(sys.argv),
        folder=str(Path.cwd()),
        system=platform.platform(),
        cpu=read_cpu_name(),
        cores=usable_cores(),
        variables={
            name: _leave_out_user(value)
            for name, value in sorted(os.environ.items())
            if _COUNTS.fullmatch(name) and not _SECRET.search(name)
        },
        git=read_git_commit(Path.cwd()),
        versions=versions,
        yolokit_git=_read_own_commit(Path(yolokit.__file__).parent),
    )


def _read_own_commit(package: Path) -> GitCommit | None:
    """Return the commit of a checkout of yolokit; not that of a project that it is installed in."""
    found = read_git_commit(package)
    return found if found is not None and Path(found.folder, package.name) == package else None


def _read_command(argv: list[str]) -> tuple[str, ...]:
    path = PurePath(argv[0] if argv else "")
    name = path.parent.name if path.name == "__main__.py" else path.stem
    return ("yolokit", *map(_leave_out_user, argv[1:])) if name == "yolokit" else (path.name,)


def _leave_out_user(text: str) -> str:
    return _USER.sub("//", text)
