"""What is not a file is told from its kind, and never opened."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from yolokit.files.regular_file import is_there, why_no_file

posix = pytest.mark.skipif(sys.platform == "win32", reason="no such kinds there")


def test_a_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert why_no_file(tmp_path / "a") is None
    if sys.platform != "win32":
        (tmp_path / "b").symlink_to("a")
        assert why_no_file(str(tmp_path / "b")) is None


def test_a_folder_and_nothing(tmp_path: Path) -> None:
    assert why_no_file(tmp_path) == "is a folder, not a file"
    assert why_no_file(tmp_path / "a") == "cannot be read: No such file or directory"
    assert not is_there(tmp_path / "a")
    assert why_no_file("a\0b") is not None
    assert not is_there("a\0b")


@posix
def test_pipes_sockets_and_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    os.mkfifo("pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
    assert why_no_file("pipe.jpg") == "is a pipe, not a file"
    assert why_no_file("socket.jpg") == "is a socket, not a file"
    assert why_no_file(os.devnull) == "is a device, not a file"


@posix
def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    (tmp_path / "b").symlink_to("b")
    assert why_no_file(tmp_path / "a") == "is a broken link"
    assert "symbolic links" in str(why_no_file(tmp_path / "b"))
    assert is_there(tmp_path / "a")
