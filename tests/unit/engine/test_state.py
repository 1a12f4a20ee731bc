"""The state of a run is read, or named as what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path

torch = pytest.importorskip("torch")

from yolokit.engine.state import read_state  # noqa: E402


class Stranger:
    """Nothing that a state holds."""


@pytest.mark.parametrize("damage", ["cut", "noise", "object", "list"])
def test_one_that_is_damaged_is_named(damage: str, tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    stored = {"object": {"version": Stranger()}, "list": [1]}.get(damage, {"version": 1})
    torch.save(stored, path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:500])
    if damage == "noise":
        path.write_bytes(bytes(range(7, 255)) * 40)
    with pytest.raises(TrainError, match=r"state\.pt cannot be read: ") as caught:
        read_state(tmp_path)
    assert "weights_only" not in caught.value.message, "torch proposes to run what is in the file"
    assert caught.value.hint
    assert "move it away" in caught.value.hint


def test_one_of_a_later_version_is_not_guessed_at(tmp_path: Path) -> None:
    torch.save({"version": 99}, tmp_path / STATE_FILE)
    with pytest.raises(TrainError, match="was written by a later version of yolokit"):
        read_state(tmp_path)


def test_a_run_without_one_has_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
