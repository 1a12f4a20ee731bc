"""What a record says of the start of a run: enough to repeat it, and nothing that is secret."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.files.test_git_commit import git
from yolokit.core.machine import read_cpu_name, usable_cores
from yolokit.train.launch import describe_launch

if TYPE_CHECKING:
    from pathlib import Path


def test_command_machine_and_what_decides_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("YOLOKIT_OFFLINE", "1")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setenv("EDITOR", "vi")
    monkeypatch.setattr(sys, "argv", ["/bin/yolokit", "train", "--data", "a b"])
    launch = describe_launch({})
    assert launch.command == ("yolokit", "train", "--data", "a b")
    assert launch.cores == usable_cores() == 3
    assert launch.cpu == read_cpu_name() != ""
    assert launch.variables["OMP_NUM_THREADS"] == "3"
    assert launch.variables["YOLOKIT_OFFLINE"] == "1"
    assert launch.variables["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert "EDITOR" not in launch.variables


def test_no_password_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLOKIT_HUB_TOKEN", "geheim")
    monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", "https://me:geheim@example.org/w")
    monkeypatch.setattr(sys, "argv", ["yolokit", "train", "https://me:geheim@example.org/a.pt"])
    launch = describe_launch({})
    assert "geheim" not in repr(launch)
    assert launch.command[2] == "https://example.org/a.pt"
    assert launch.variables["YOLOKIT_WEIGHTS_MIRROR"] == "https://example.org/w"


def test_the_user_of_an_address_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://me:sec@ret@example.org/a.pt"
    monkeypatch.setattr(sys, "argv", ["yolokit", "train", "--weights", address, "--name", "a@b"])
    words = ("yolokit", "train", "--weights", "https://example.org/a.pt", "--name", "a@b")
    assert describe_launch({}).command == words


def test_arguments_of_another_program_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/me/fit.py", "--token", "secret"])
    assert describe_launch({}).command == ("fit.py",)


def test_python_m_is_our_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/lib/yolokit/__main__.py", "train"])
    assert describe_launch({}).command == ("yolokit", "train")


@pytest.mark.parametrize(("package", "is_checkout"), [("yolokit", True), ("lib/yolokit", False)])
def test_a_checkout_of_yolokit_is_told_from_a_project_that_it_is_installed_in(
    package: str, is_checkout: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / package).mkdir(parents=True)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    monkeypatch.setattr("yolokit.__file__", str(tmp_path / package / "__init__.py"))
    launch = describe_launch({"torch": "2"})
    assert launch.versions == {"torch": "2"}
    assert (launch.yolokit_git is not None) == is_checkout
