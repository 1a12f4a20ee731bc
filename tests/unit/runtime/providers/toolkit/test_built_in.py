"""What onnxruntime's own providers are told before they load."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import ctypes, os, subprocess, sys
from yolokit.runtime.providers.toolkit.built_in import refuse_tf32
refuse_tf32()
read = ctypes.CDLL(None).getenv
read.restype = ctypes.c_char_p
print(read(b"NVIDIA_TF32_OVERRIDE"))
show = "import os; print(os.environ.get('NVIDIA_TF32_OVERRIDE'))"
subprocess.run([sys.executable, "-c", show], env=os.environ | {}, check=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="C programs have another environment there")
@pytest.mark.parametrize(("own", "here"), [(None, "0"), ("1", "1")])
def test_libraries_of_this_process_compute_without_tf32_and_children_as_they_like(
    own: str | None, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    if own is not None:
        monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", own)
    done = subprocess.run(
        [sys.executable, "-u", "-c", CODE],
        capture_output=True, text=True, check=True, timeout=60,
        env=dict(os.environ),  # not what an earlier test has put beside it
    )  # fmt: skip
    assert done.stdout.split() == [f"b'{here}'", str(own)]
