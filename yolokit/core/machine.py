"""How many cores, how much time and how much memory this process may use."""

from __future__ import annotations

import math
import os
import platform
import sys
from pathlib import Path, PurePosixPath

_PROC_CGROUP = Path("/proc/self/cgroup")
_CGROUP_ROOT = Path("/sys/fs/cgroup")
_PROC_STAT = Path("/proc/stat")
_PROC_CPUINFO = Path("/proc/cpuinfo")
# Columns of a core's line in /proc/stat: idle, waiting for a disk, and nice, which gives way.
_IDLE_COLUMNS = (4, 5, 2)


def usable_cores() -> int:
    """Return how many cores this process may keep busy, at least 1.

    As many as ``OMP_NUM_THREADS`` says, where the user set it. Else the smaller of the CPU
    affinity and the quota of the control group, rounded up: a container with half a core of 64
    has one, not 64.
    """
    asked = asked_threads()
    if asked is not None:
        return asked
    cores = _affinity_cores()
    quota = _cgroup_cores()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def asked_threads() -> int | None:
    """Return the number of threads that the user's ``OMP_NUM_THREADS`` asks for, if it does.

    The first number of ``4,2``, which is OpenMP's form for nested loops.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def read_cpu_name() -> str | None:
    """Return the model of the processor; None where the system does not tell."""
    try:
        lines = _PROC_CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or None
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, None) or platform.processor() or platform.machine() or None


def read_idle_s() -> float | None:
    """Return for how many seconds the cores of this process have been idle, all of them together.

    None where the system does not report it as Linux does.
    """
    if sys.platform != "linux":
        return None
    ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    try:
        lines = [line.split() for line in _PROC_STAT.read_text(encoding="ascii").splitlines()]
    except OSError:
        return None
    ticks = sum(
        int(words[column])
        for words in lines
        if words and words[0] in ours
        for column in _IDLE_COLUMNS
    )
    return ticks / os.sysconf("SC_CLK_TCK")


def _affinity_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cgroup_cores() -> float | None:
    """Return the tightest CPU quota of this process in cores, or None without one."""
    quotas: list[float] = []
    for controllers, group in _list_cgroups():
        if controllers == "":
            quotas += _quotas_v2(group)
        elif "cpu" in controllers.split(","):
            quotas += _quotas_v1(controllers, group)
    return min(quotas, default=None)


def limit_free_bytes(free_bytes: int) -> int:
    """Return free memory, or what the control groups of this process leave if that is less.

    A group's cache of files counts as used there, but gives way: it is free.
    """
    left = [free_bytes]
    for controllers, group in _list_cgroups():
        if controllers == "":
            files = ("memory.max", "memory.current", "inactive_file")
            left += _free_in(_with_parents(_CGROUP_ROOT, group), *files)
        elif "memory" in controllers.split(","):
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            left += _free_in(_with_parents(_CGROUP_ROOT / controllers, group), *files)
    return max(0, min(left))


def _free_in(folders: list[Path], limit: str, used: str, cache: str) -> list[int]:
    """Return what a group and each of its parents leave; those without a limit say nothing."""
    free = []
    for folder in folders:
        most, taken = _read_words(folder / limit), _read_words(folder / used)
        if not most or not taken or most[0] == "max":
            continue
        stated = _read_words(folder / "memory.stat")
        gives_way = int(stated[stated.index(cache) + 1]) if cache in stated else 0
        free.append(int(most[0]) - int(taken[0]) + gives_way)
    return free


def _list_cgroups() -> list[tuple[str, PurePosixPath]]:
    """Return the controllers and the path of each control group of this process."""
    try:
        memberships = _PROC_CGROUP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return []
    groups = [line.split(":", 2) for line in memberships]
    return [(controllers, PurePosixPath(group)) for _, controllers, group in groups]


def _quotas_v2(group: PurePosixPath) -> list[float]:
    """Return the quotas of a group and of all its parents: each of them limits it."""
    quotas = []
    for folder in _with_parents(_CGROUP_ROOT, group):
        limit = _read_words(folder / "cpu.max")
        if len(limit) == 2 and limit[0] != "max":
            quotas.append(int(limit[0]) / int(limit[1]))
    return quotas


def _quotas_v1(controllers: str, group: PurePosixPath) -> list[float]:
    quotas = []
    for folder in _with_parents(_CGROUP_ROOT / controllers, group):
        quota = _read_words(folder / "cpu.cfs_quota_us")
        period = _read_words(folder / "cpu.cfs_period_us")
        if quota and period and int(quota[0]) > 0:
            quotas.append(int(quota[0]) / int(period[0]))
    return quotas


def _with_parents(root: Path, group: PurePosixPath) -> list[Path]:
    relative = group.relative_to("/") if group.is_absolute() else group
    return [root / relative, *(root / parent for parent in relative.parents)]


def _read_words(path: Path) -> list[str]:
    """Return the words of a small kernel file; none where it does not exist."""
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:  # this controller is not mounted, or the group is outside our namespace
        return []
