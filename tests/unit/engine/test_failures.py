"""What torch and ultralytics raise is told in one sentence, with what to do."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from yolokit.engine import failures
from yolokit.engine.failures import explain, is_full_disk, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator


class Killed(torch.utils.data.Dataset[int]):
    """Its process is killed by a signal while it loads the first image."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        os.kill(os.getpid(), self.number)
        time.sleep(5)
        return index


class Broken(torch.utils.data.Dataset[int]):
    """Each image raises an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        raise self.error


def load(dataset: torch.utils.data.Dataset[int]) -> Exception:
    with pytest.raises(Exception) as caught:
        next(iter(torch.utils.data.DataLoader(dataset, num_workers=1)))
    return caught.value


def test_a_lack_of_memory_is_told_in_plain_words() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)
    failed = explain(caught.value, "TrainError")
    assert failed.message == "the machine ran out of memory"
    assert failed.hint == "use a smaller --batch or --imgsz"


@pytest.mark.parametrize(
    ("text", "is_memory"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("OpenCV(4.1) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", True),
        ("expected scalar type Float but found Half", False),
        ("DataLoader worker (pid 7) is killed by signal: Bus error. out of shared memory", False),
    ],
)
def test_a_lack_of_memory_is_recognised(text: str, *, is_memory: bool) -> None:
    assert is_out_of_memory(RuntimeError(text)) is is_memory


LIMITED = """
import resource, torch
from yolokit.engine.failures import explain, is_out_of_memory
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 300_000_000, resource.RLIM_INFINITY))
layer = torch.nn.Conv2d(3, 64, 3)
try:
    layer(torch.rand(64, 3, 320, 320))
except (RuntimeError, MemoryError) as error:
    print(is_out_of_memory(error), explain(error, "TrainError").message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")
def test_a_network_under_a_real_limit_runs_out_of_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True the machine ran out of memory"


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, getattr(signal, "SIGBUS", 0)])
def test_a_dead_loader_is_one_sentence(number: int) -> None:
    """Whether it was memory or /dev/shm, torch writes to the log at most."""
    failed = explain(load(Killed(number)), "TrainError")
    assert failed.message == (
        "a process that loads images died: the system ended it, as it does where memory or "
        "/dev/shm runs out"
    )
    assert failed.hint is not None
    assert "`--set workers=N`" in failed.hint


def test_a_loader_without_room_to_hand_over_images_is_told_apart_where_torch_does() -> None:
    text = (
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
        "dataloader's workers are out of shared memory."
    )
    assert "no room in /dev/shm" in explain(RuntimeError(text), "TrainError").message


def test_an_image_that_a_loader_does_not_find_is_named(tmp_path: Path) -> None:
    gone, damaged = tmp_path / "a b.png", tmp_path / "c.png"
    damaged.write_bytes(b"")
    for path, words in ((gone, "is not there any more"), (damaged, "can no longer be read")):
        for error in (FileNotFoundError(f"Image Not Found {path}"),):
            for raised in (error, load(Broken(error))):
                failed = explain(raised, "TrainError")
                assert failed.kind == "DataError"
                assert failed.message.startswith(f"{path}: the image {words}")


def test_what_else_a_loader_raises_is_one_line() -> None:
    failed = explain(load(Broken(ValueError("no boxes"))), "TrainError")
    assert failed.message == "a process that loads images failed: ValueError: no boxes"


def test_a_full_disk_is_named() -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/runs/a/last.pt")
    assert explain(error, "TrainError").message == f"the disk of {Path('/runs/a')} is full"
    assert not is_full_disk(OSError(errno.ENOENT, "no such file"))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, where this user may mount one."""
    if sys.platform != "linux":
        pytest.skip("tmpfs is Linux's")
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    yield folder
    # Lazily: the error of a test may hold a file open.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_what_torch_raises_on_a_really_full_disk_is_recognised(tiny_disk: Path) -> None:
    """Its writer hides the number of the error."""
    with pytest.raises((OSError, RuntimeError)) as caught:
        torch.save({"weights": torch.zeros(1_000_000)}, tiny_disk / "state.pt")
    assert is_full_disk(caught.value)
    assert explain(caught.value, "TrainError").message == "the disk is full"


@pytest.mark.parametrize(("free_bytes", "is_memory"), [(10_000_000, True), (8_000_000_000, False)])
def test_what_onednn_says_means_memory_where_little_is_left(
    monkeypatch: pytest.MonkeyPatch, free_bytes: int, is_memory: bool
) -> None:
    """Under `ulimit -v`, a training at 512 px ended so."""
    monkeypatch.setattr(failures, "read_free_bytes", lambda: free_bytes)
    assert is_out_of_memory(RuntimeError("could not create a primitive")) == is_memory
