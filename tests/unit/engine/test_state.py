"""What is not the state of a run is refused, and nothing in it is executed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from yolokit.engine.saving import repair_checkpoints
from yolokit.engine.state import read_state
from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.errors import TrainError, WeightsError


class _Payload:
    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self._command,)


def _refuse(folder: Path) -> TrainError:
    with pytest.raises(TrainError) as caught:
        read_state(folder)
    assert str(folder / STATE_FILE) in caught.value.message
    return caught.value


@pytest.mark.parametrize("wrapped", [True, False])
def test_what_a_state_would_run_is_never_run_nor_advised(tmp_path: Path, wrapped: bool) -> None:
    payload = _Payload(f"touch {tmp_path / 'pwned'}")
    path = tmp_path / STATE_FILE
    if wrapped:
        torch.save({"version": 1, "event": payload}, path)
    else:
        path.write_bytes(pickle.dumps(payload, protocol=2))
    error = _refuse(tmp_path)
    assert "weights_only" not in f"{error.message} {error.hint}"
    assert "--weights" in (error.hint or "")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02garbage", b"PK\x03\x04" + b"\0" * 99])
def test_a_torn_state_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE_FILE).write_bytes(content)
    assert "damaged" in _refuse(tmp_path).message


@pytest.mark.parametrize("content", [[1, 2], {}, {"version": "1"}, {"version": 1, "epoch": 3}])
def test_another_file_of_torch_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / STATE_FILE)
    assert "damaged" in _refuse(tmp_path).message


def test_a_later_state_is_told_as_such(tmp_path: Path) -> None:
    torch.save({"version": 99}, tmp_path / STATE_FILE)
    assert "later version" in _refuse(tmp_path).message


def test_a_damaged_last_pt_is_not_to_be_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(WeightsError, match=r"last\.pt") as caught:
        repair_checkpoints(tmp_path, None, 3)
    assert caught.value.hint == f"start a new run with --weights {tmp_path / 'best.pt'}"
