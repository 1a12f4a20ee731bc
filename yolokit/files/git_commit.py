"""Which commit of a git repository a folder is at, read from its files; git is not run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from yolokit.files.regular_file import why_no_file

if TYPE_CHECKING:
    from pathlib import Path

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[\w./@+-]{1,200}")
_MOST_BYTES = 16 << 20  # of packed-refs; the other files have one line


class GitCommit(msgspec.Struct, frozen=True, kw_only=True):
    """The commit that is checked out; changes that are not committed are not looked for.

    Attributes:
        folder: Root of the work tree.
        commit: Its hash.
        branch: None where no branch is checked out.
    """

    folder: str
    commit: str
    branch: str | None = None


def read_git_commit(folder: Path) -> GitCommit | None:
    """Return the commit of the repository that a folder lies in; None where that is not known."""
    resolved = folder.resolve()
    for root in (resolved, *resolved.parents):
        entry = root / ".git"
        if entry.is_dir():
            return _read_commit(root, entry)
        if entry.is_file():  # of a further work tree, or of a submodule
            named = _read_text(entry).removeprefix("gitdir:").strip()
            return _read_commit(root, root / named) if named else None
    return None


def _read_commit(root: Path, git_dir: Path) -> GitCommit | None:
    head = _read_text(git_dir / "HEAD").strip()
    if _SHA.fullmatch(head):
        return GitCommit(folder=str(root), commit=head)
    ref = head.removeprefix("ref:").strip()
    if not _REF.fullmatch(ref) or ".." in ref:
        return None
    commit = _find_commit(git_dir, ref)
    branch = ref.removeprefix("refs/heads/")
    return GitCommit(folder=str(root), commit=commit, branch=branch) if commit else None


def _find_commit(git_dir: Path, ref: str) -> str | None:
    """Look a reference up: its own file, or a line of ``packed-refs``.

    Source: gitrepository-layout(5).
    """
    common = _read_text(git_dir / "commondir").strip()
    places = (git_dir, git_dir / common) if common else (git_dir,)
    for place in places:
        loose = _read_text(place / ref).strip()
        if _SHA.fullmatch(loose):
            return loose
        for line in _read_text(place / "packed-refs").splitlines():
            commit, _, name = line.partition(" ")
            if name == ref and _SHA.fullmatch(commit):
                return commit
    return None


def _read_text(path: Path) -> str:
    """Return the text of a small file; nothing where there is none."""
    if why_no_file(path) is not None:
        return ""
    try:
        with path.open("rb") as stream:
            return stream.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:  # it may not be read, so the commit is not known
        return ""
