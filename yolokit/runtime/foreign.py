"""Models of other tools, recognised by their inputs and outputs: their heads are not read.

The names and shapes are those that the tools are known for; a guess is worded as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolokit.runtime.ports import Port
    from yolokit.runtime.session import Session

_STRIDES_PX = (8, 16, 32)
_MASKS = 32  # coefficients after the classes of YOLOv5's segmentation
_OBJECTNESS = 5  # columns before the classes: cx, cy, w, h, objectness
# Names of outputs that a tool always gives -> the tool.
_BY_OUTPUTS = (
    ({"num_dets", "det_boxes"}, "an export with a plug-in for TensorRT, as YOLOv6 and YOLOv7 make"),
    ({"boxes", "labels", "scores"}, "a detector of torchvision, RT-DETR's repository or D-FINE"),
    ({"logits", "pred_boxes"}, "a DETR of transformers"),
    ({"dets", "labels"}, "an export of RF-DETR or MMDetection"),
    ({"detection_boxes", "detection_scores"}, "an export of TensorFlow's object detection"),
    ({"boxes", "confs"}, "a Darknet network, converted by pytorch-YOLOv4"),
)


def describe_foreign(session: Session, class_count: int | None) -> str | None:
    """Say whose export a model looks like, such as ``an export of the YOLOv5 repository``.

    Args:
        session: The loaded model.
        class_count: How many classes it names; None where it names none.
    """
    names = {port.name for port in session.outputs}
    for needed, tool in _BY_OUTPUTS:
        if needed <= names:
            return tool
    shapes = [port.shape for port in session.outputs]
    if any(len(shape) == 5 for shape in shapes):
        return "an export of YOLOv5 or YOLOv7 without the decoding of its boxes"
    if len(shapes) == 2 and all(len(shape) == 3 for shape in shapes) and shapes[0][2] == 4:
        return "an export with boxes and scores apart, as of YOLO-NAS"
    first = shapes[0]
    if len(first) == 2:
        return "YOLOv7 with its NMS inside" if first[1] == 7 else "a classifier"
    if len(first) == 4:
        return "a network that gives maps, for segmentation or depth"
    return _describe_rows(session, first, class_count) if len(first) == 3 else None


def _describe_rows(
    session: Session, shape: tuple[int | None, ...], class_count: int | None
) -> str | None:
    """Tell whose rows (B, N, columns) are."""
    _, rows, columns = shape
    if columns is None or columns <= 4:
        return None
    if class_count is None:
        # Rows of a head with objectness, if they can be: there are more of them than columns.
        is_yolov5 = columns > _OBJECTNESS and (rows is None or rows > columns)
    elif columns == 4 + class_count:
        return "RT-DETR of an earlier ultralytics, or another head that gives boxes as rows"
    else:
        is_yolov5 = columns in (_OBJECTNESS + class_count, _OBJECTNESS + class_count + _MASKS)
    if not is_yolov5:
        return None
    if {"names", "stride"} <= session.metadata.keys():
        return "an export of the YOLOv5 repository"
    if rows is not None and rows == _count_cells(session.inputs[0]):
        return "an export of YOLOX or YOLOv6"
    return "an export of the YOLOv5 or YOLOv7 repository"


def _count_cells(port: Port) -> int | None:
    """Return how many cells the grids of a fixed input have together."""
    if len(port.shape) != 4 or port.shape[2] is None or port.shape[3] is None:
        return None
    return sum((port.shape[2] // px) * (port.shape[3] // px) for px in _STRIDES_PX)
