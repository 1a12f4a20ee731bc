"""What an image of a batch takes is measured, and a batch that hardly fits is told beforehand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from yolokit.engine import image_cache
from yolokit.engine.image_cache import has_room_for_images
from yolokit.engine.memory_needs import count_kept_bytes, describe_shortage
from yolokit.engine_protocol.training import MemoryNeeds, count_fitting


class Network(torch.nn.Module):
    """Keeps its input, and what lies before its batch norm and its activation."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.SiLU()
        )

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(images)
        return result


def test_what_is_kept_for_an_image_is_counted_without_a_trace() -> None:
    trainer: Any = SimpleNamespace(model=Network(), args=SimpleNamespace(imgsz=64, amp=False))
    before = trainer.model.layers[1].running_var.clone()
    random = torch.get_rng_state()
    pixels = 64 * 64 * 4
    assert (3 + 8 + 8) * pixels <= count_kept_bytes(trainer) <= (3 + 8 + 8 + 1) * pixels
    assert torch.equal(trainer.model.layers[1].running_var, before)
    assert torch.equal(torch.get_rng_state(), random)


def test_a_batch_that_hardly_fits_is_told_with_one_that_does() -> None:
    needs = MemoryNeeds(start_bytes=0, image_bytes=100_000_000, free_bytes=2_000_000_000)
    args = SimpleNamespace(imgsz=640)
    assert describe_shortage(needs, 16, args) == []
    assert describe_shortage(None, 64, args) == []
    (said,) = describe_shortage(needs, 64, args)
    assert said == (
        "a batch of 64 images at imgsz 640 takes about 6.4 GB of memory, and 2.0 GB are free: "
        "--batch 18 fits"
    )
    assert count_fitting(needs) == 18


@pytest.mark.parametrize(("free_bytes", "has_room"), [(20_000_000, False), (30_000_000, True)])
def test_images_are_kept_in_memory_only_where_they_fit(
    monkeypatch: pytest.MonkeyPatch, free_bytes: int, *, has_room: bool
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(image_cache, "send", told.append)
    monkeypatch.setattr(image_cache, "read_free_bytes", lambda: free_bytes)
    image = SimpleNamespace(nbytes=123_000)
    dataset = SimpleNamespace(ni=100, imgsz=320, cache="ram", load_image=lambda _index: [image])
    assert has_room_for_images(dataset) is has_room
    assert dataset.cache == ("ram" if has_room else None)
    said = [notice.message for notice in told]
    assert has_room or "100 images at imgsz 320 take 12.3 MB of memory, and 20.0 MB" in said[0]
