"""What a run was started with: its command, variables and commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from yolokit.train.circumstances import find_commit, observe_circumstances

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_circumstances_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    monkeypatch.setattr("sys.argv", ["/usr/bin/yolokit", "train", "--data", "my set"])
    seen = observe_circumstances()
    assert seen.command == ["yolokit", "train", "--data", "my set"]
    assert seen.environment["OMP_NUM_THREADS"] == "3"
    assert "WANDB_API_KEY" not in seen.environment
    assert (seen.folder, seen.cores) == (str(tmp_path), 3)
    assert seen.cpu
    assert seen.os
    assert seen.git_commit is None


def test_arguments_of_another_program_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/home/me/fit.py", "--token", "secret"])
    assert observe_circumstances().command == ["fit.py"]


def test_the_user_of_an_address_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://me:secret@example.org/a.pt"
    monkeypatch.setattr("sys.argv", ["yolokit", "train", "--weights", address, "--name", "a@b"])
    command = observe_circumstances().command
    assert command == ["yolokit", "train", "--weights", "https://example.org/a.pt", "--name", "a@b"]


def test_python_m_is_our_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/lib/yolokit/__main__.py", "train"])
    assert observe_circumstances().command == ["yolokit", "train"]


def test_a_branch_a_packed_branch_and_no_branch(tmp_path: Path) -> None:
    git, below = tmp_path / ".git", tmp_path / "a" / "b"
    (git / "refs" / "heads").mkdir(parents=True)
    below.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert find_commit(below) is None, "no commit yet"
    (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n")
    assert find_commit(below) == COMMIT
    loose = COMMIT[::-1]
    (git / "refs" / "heads" / "main").write_text(f"{loose}\n")
    assert find_commit(below) == loose, "a loose ref is newer than a packed one"
    (git / "HEAD").write_text(f"{COMMIT}\n")
    assert find_commit(below) == COMMIT


def test_a_worktree(tmp_path: Path) -> None:
    main, tree = tmp_path / "main" / ".git", tmp_path / "tree"
    own = main / "worktrees" / "tree"
    own.mkdir(parents=True)
    tree.mkdir()
    (main / "refs" / "heads").mkdir(parents=True)
    (main / "refs" / "heads" / "side").write_text(COMMIT)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert find_commit(tree) == COMMIT


@pytest.mark.parametrize("head", ["ref: refs/../../secret", "ref: /etc/passwd", "\0", "g" * 40, ""])
def test_a_head_that_names_no_commit(head: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "secret").write_text(COMMIT)
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert find_commit(tmp_path) is None
