"""The tasks: one enum, which files and messages show as plain words."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from yolokit.core.task import Task


def test_messages_and_files_hold_plain_words() -> None:
    assert f"{Task.OBB} {Task.OBB!r}" == "obb 'obb'"
    assert msgspec.json.encode({"task": Task.POSE}) == b'{"task":"pose"}'
    assert msgspec.convert("segment", Task) is Task.SEGMENT
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("segments", Task)


def test_importing_it_is_cheap() -> None:
    code = "import sys, yolokit.core.task; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "msgspec", "typer", "pathlib"} & set(done.stdout.split())
