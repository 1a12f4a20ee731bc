"""Writes checkpoints as the field publishes them, with random weights, for tests of starts.

    python make_checkpoints.py FOLDER

A process of its own, since it imports torch and ultralytics.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any


def main() -> None:
    """Write a COCO detector, a classifier, a segmenter, torchvision's file and an odd one."""
    import torch
    import torchvision
    from ultralytics.nn.tasks import ClassificationModel, DetectionModel, SegmentationModel

    from yolokit.engine import ultralytics_patches  # noqa: F401 - first: it tames ultralytics

    folder = Path(sys.argv[1])
    torch.manual_seed(0)

    def save(name: str, model: Any, names: list[str], **also: object) -> None:
        model.names = dict(enumerate(names))
        for tensor in model.state_dict().values():  # fresh batch norm is all zeros and ones
            if tensor.dtype.is_floating_point and tensor.ndim == 1:
                tensor.add_(torch.rand_like(tensor) * 0.1)
        content = {"model": model.half(), "train_args": {"imgsz": 64}, "epoch": -1}
        torch.save(content | also, folder / name)

    coco = ["square", *(f"thing {index}" for index in range(79))]
    save("yolov5nu.pt", DetectionModel("yolov5n.yaml", nc=80, verbose=False), coco)
    classes = [f"class {index}" for index in range(1000)]
    classifier = ClassificationModel("yolov8s-cls.yaml", nc=1000, verbose=False)
    save("yolov8s-cls.pt", classifier, classes)
    save("seg.pt", SegmentationModel("yolo11n-seg.yaml", nc=2, verbose=False), ["a", "b"])
    odd = DetectionModel("yolo11n.yaml", nc=1, verbose=False)
    save("odd.pt", odd, ["square"], note=Fraction(1, 2))
    pruned = DetectionModel("yolo11n.yaml", nc=1, verbose=False)
    pruned.model[6].m[0] = torch.nn.Identity()
    save("pruned.pt", pruned, ["square"])
    torch.save(torchvision.models.shufflenet_v2_x0_5().state_dict(), folder / "shufflenet.pth")
    twins = DetectionModel("yolo11n.yaml", nc=2, verbose=False)
    save("twins.pt", twins, ["square", "Square"])


if __name__ == "__main__":
    main()
