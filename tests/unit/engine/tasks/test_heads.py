"""A model that has two heads gives the outputs of the one that is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from yolokit.errors import ConfigError

pytest.importorskip("onnx", reason="the train extra is not installed")


def build(name: str) -> Any:
    """Return upstream's smallest model of an architecture, for two classes."""
    from yolokit.engine.tasks import detect

    from ultralytics.nn.tasks import yaml_model_load  # isort: skip - after our edits

    return detect.build(yaml_model_load(name), 2).eval()


@pytest.mark.parametrize("name", ["yolo26n.yaml", "yolov10n.yaml"])
def test_either_head_can_be_had(name: str) -> None:
    import torch

    from yolokit.engine.export import prepare_for_inference
    from yolokit.engine.tasks import detect

    model = build(name)
    prepare_for_inference(model)
    shapes = {}
    for layout in ("end2end", "raw", "end2end"):
        detect.choose_head(model, layout)
        assert detect.tell_layout(model) == layout
        with torch.inference_mode():
            shapes[layout] = tuple(model(torch.zeros(1, 3, 64, 64)).shape)
    assert shapes == {"raw": (1, 6, 84), "end2end": (1, 84, 6)}
    detect.choose_head(model, None)
    assert detect.tell_layout(model) == "end2end"


def test_a_model_with_one_head_says_so() -> None:
    from yolokit.engine.tasks import detect

    model = build("yolo11n.yaml")
    detect.choose_head(model, "raw")
    with pytest.raises(ConfigError, match="yolo11n has no end2end head; it has raw alone"):
        detect.choose_head(model, "end2end")


def test_a_model_that_was_fused_has_one_head_left() -> None:
    from yolokit.engine.tasks import detect

    model = build("yolo26n.yaml")
    detect.choose_head(model, "end2end")
    model.fuse()
    with pytest.raises(ConfigError, match="yolo26n has no raw head; it has end2end alone"):
        detect.choose_head(model, "raw")
