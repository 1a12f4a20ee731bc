"""A picture that was put together from several images knows them all."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

from yolokit.engine.mixed_images import MixedImage, list_images, remember_images


def test_all_files_are_listed_once_in_order() -> None:
    batch = [MixedImage(["a", "b"]), "c", MixedImage(["b", "d"])]
    assert list_images(batch) == ["a", "b", "c", "d"]
    assert list_images(pickle.loads(pickle.dumps(batch))) == ["a", "b", "c", "d"]
    assert batch[0] == "a", "upstream reads the name of the first"


def test_a_mosaic_that_is_mixed_with_another_has_the_files_of_both() -> None:
    def choose(mixing: Any, _labels: dict[str, Any]) -> dict[str, Any]:
        return {"mix_labels": mixing.others}

    remembering = remember_images(choose)
    labels: dict[str, Any] = {"im_file": "a"}
    remembering(SimpleNamespace(others=[{"im_file": "b"}]), labels)
    remembering(SimpleNamespace(others=[{"im_file": MixedImage(["c", "d"])}]), labels)
    assert list_images([labels["im_file"]]) == ["a", "b", "c", "d"]
