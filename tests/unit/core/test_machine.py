"""Usable cores: the affinity, and the tightest quota of the control groups."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from yolokit.core import machine

if TYPE_CHECKING:
    from pathlib import Path


class FakeLinux:
    """A machine of 8 cores whose kernel files lie below a temporary folder."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.membership = root / "cgroup"
        self.groups = root / "fs"
        self.groups.mkdir()
        monkeypatch.setattr(machine, "_PROC_CGROUP", self.membership)
        monkeypatch.setattr(machine, "_CGROUP_ROOT", self.groups)
        monkeypatch.setattr(machine, "_affinity_cores", lambda: 8)

    def write(self, name: str, text: str) -> None:
        path = self.groups / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLinux:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return FakeLinux(tmp_path, monkeypatch)


def test_without_groups_it_is_the_affinity(linux: FakeLinux) -> None:
    assert machine.usable_cores() == 8


def test_a_group_without_a_quota_limits_nothing(linux: FakeLinux) -> None:
    linux.membership.write_text("0::/app\n")
    linux.write("app/cpu.max", "max 100000\n")
    assert machine.usable_cores() == 8


@pytest.mark.parametrize(
    ("quota", "cores"), [("200000", 2), ("150000", 2), ("50000", 1), ("1600000", 8)]
)
def test_a_quota_is_rounded_up(linux: FakeLinux, quota: str, cores: int) -> None:
    linux.membership.write_text("0::/app\n")
    linux.write("app/cpu.max", f"{quota} 100000\n")
    assert machine.usable_cores() == cores


def test_the_parents_limit_too(linux: FakeLinux) -> None:
    linux.membership.write_text("0::/pod/app\n")
    linux.write("pod/app/cpu.max", "400000 100000\n")
    linux.write("pod/cpu.max", "300000 100000\n")
    assert machine.usable_cores() == 3


def test_the_older_groups_count_as_well(linux: FakeLinux) -> None:
    linux.membership.write_text("5:memory:/app\n4:cpu,cpuacct:/app\n")
    linux.write("cpu,cpuacct/app/cpu.cfs_quota_us", "250000\n")
    linux.write("cpu,cpuacct/app/cpu.cfs_period_us", "100000\n")
    linux.write("cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
    linux.write("cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert machine.usable_cores() == 3


def test_this_machine_has_at_least_one() -> None:
    assert machine.usable_cores() >= 1


@pytest.mark.parametrize(
    ("asked", "cores"), [("1", 1), ("3", 3), ("4,2", 4), ("", 8), ("0", 8), ("many", 8)]
)
def test_the_user_says_how_many_threads(
    linux: FakeLinux, monkeypatch: pytest.MonkeyPatch, asked: str, cores: int
) -> None:
    linux.membership.write_text("0::/app\n")
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert machine.usable_cores() == cores


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_the_idle_time_is_that_of_our_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  900 900 900 900 900 9 9 9 0 0\n"
        "cpu0 100 1 20 300 40 5 6 7 0 0\n"
        "cpu1 100 2 20 600 50 5 6 7 0 0\n"
        "cpu2 100 3 20 999 99 5 6 7 0 0\n"
    )
    monkeypatch.setattr(machine, "_PROC_STAT", stat)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    ticks = os.sysconf("SC_CLK_TCK")
    assert machine.read_idle_s() == (1 + 300 + 40 + 2 + 600 + 50) / ticks
    stat.unlink()
    assert machine.read_idle_s() is None


def test_free_memory_is_what_the_tightest_group_leaves(linux: FakeLinux) -> None:
    """Its cache of files gives way."""
    assert machine.limit_free_bytes(8000) == 8000
    linux.membership.write_text("5:memory:/old\n0::/pod/app\n")
    linux.write("pod/app/memory.max", "max\n")
    linux.write("pod/app/memory.current", "900\n")
    linux.write("pod/memory.max", "5000\n")
    linux.write("pod/memory.current", "3000\n")
    linux.write("pod/memory.stat", "anon 2500\ninactive_file 400\n")
    assert machine.limit_free_bytes(8000) == 2400
    linux.write("memory/old/memory.limit_in_bytes", "2000\n")
    linux.write("memory/old/memory.usage_in_bytes", "1000\n")
    linux.write("memory/old/memory.stat", "total_inactive_file 100\n")
    assert machine.limit_free_bytes(8000) == 1100
    assert machine.limit_free_bytes(50) == 50
