"""What the processes of a training tell each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")

from torch import distributed  # noqa: E402

from yolokit.engine.distributed.group import take_first  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")


def test_alone_a_process_has_its_own_number() -> None:
    assert take_first(0.25, CPU) == 0.25
    assert take_first(None, CPU) is None


def test_in_a_group_nothing_is_told_from_a_number(tmp_path: Path) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        assert take_first(0.25, CPU) == 0.25
        assert take_first(0.0, CPU) == 0.0
        assert take_first(None, CPU) is None
    finally:
        distributed.destroy_process_group()
