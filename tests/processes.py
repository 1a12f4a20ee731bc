"""Which processes belong to a command, as Linux tells it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path


def list_descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that these started, in order."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text("ascii").split()):
                found += [child, *list_descendants(child)]
    return found


def find_running(pids: list[int], word: str) -> list[int]:
    """Return those of them whose command line has a word."""
    return [pid for pid in pids if word in _read_command(pid)]


def wait_for_end(pids: list[int], timeout_s: float) -> list[int]:
    """Return those that are still alive after a time; earlier if there are none."""
    until = time.monotonic() + timeout_s
    while (left := [pid for pid in pids if _is_alive(pid)]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


def list_listening(pids: list[int]) -> set[str]:
    """Return the IPv4 and IPv6 addresses at which processes listen, in the kernel's hexadecimals.

    ``0100007F`` is 127.0.0.1.
    """
    sockets = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            sockets |= {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in sockets:
                listening.add(local.partition(":")[0])
    return listening


def _read_command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
