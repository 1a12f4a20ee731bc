"""The commit of a folder, against what git itself says; nothing of the repository runs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from yolokit.files.git_commit import read_git_commit

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ("git", *identity, *words)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    (root / "deep" / "er").mkdir(parents=True)
    git(root, "init", "-q", "-b", "feature/x")
    git(root, "commit", "-q", "--allow-empty", "-m", "one")
    return root


def test_loose_and_packed_references_and_no_branch(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD").strip()
    for command in ("status", "pack-refs"):
        git(repository, command, *["--all"] * (command == "pack-refs"))
        found = read_git_commit(repository / "deep" / "er")
        assert found is not None
        assert (found.commit, found.branch) == (commit, "feature/x")
        assert found.folder == str(repository)
    git(repository, "checkout", "-q", "--detach")
    found = read_git_commit(repository)
    assert found is not None
    assert (found.commit, found.branch) == (commit, None)


def test_a_further_work_tree(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "two")
    found = read_git_commit(tmp_path / "other")
    assert found is not None
    assert found.commit == git(tmp_path / "other", "rev-parse", "HEAD").strip()
    assert found.branch == "other"


@pytest.mark.parametrize(
    "head", ["", "ref: refs/heads/../../../secret", "ref: refs/heads/none", "\x1b[2J", "ref: /etc"]
)
def test_what_is_no_commit_is_not_shown(tmp_path: Path, head: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)
    (tmp_path / "secret").write_text("a" * 40)
    assert read_git_commit(tmp_path) is None


def test_a_file_that_points_nowhere(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: gone\n")
    assert read_git_commit(tmp_path) is None
    (tmp_path / ".git").write_text("")
    assert read_git_commit(tmp_path) is None
