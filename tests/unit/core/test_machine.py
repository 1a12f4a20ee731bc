"""Usable cores: the affinity, and the tightest quota of the control groups."""

from __future__ import annotations

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
