"""What lies beside a model as ``<stem>.json``: how to feed and read it, in words and numbers.

It is written for programs in any language and for people who never heard of yolokit. The runtime
needs none of it, since all that it must know is in the file itself.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.plural import counted
from yolokit.runtime.heads.toolkit import load_head
from yolokit.runtime.manifest import encode_manifest

if TYPE_CHECKING:
    from yolokit.runtime.manifest import BoxPorts, ModelIO, ModelManifest

FORMAT = "yolokit model description 1"
# A list of numbers, axes or classes stands on one line; text has no line breaks in JSON.
_ITEM = r'(?:"[^"\s]*"|[\w.+-]+)'
_SHORT_LIST = re.compile(rf"\[\n\s+({_ITEM}(?:,\n\s+{_ITEM})*)\n\s+\]")


LETTERBOX = "letterbox"  # output of a file that prepares the picture and gives what a network finds

# Paragraphs are steps.
_PREPARE = """
    {sizes}; w and h are those of the picture. scale = min(W / w, H / h), new_w = max(1, round(w *
    scale)), new_h = max(1, round(h * scale)); round takes halves to the even number.

    Resize the picture to new_w x new_h by bilinear sampling: pixel centres lie at half pixels,
    places beyond an edge are at the edge, and nothing more is averaged when it shrinks (OpenCV's
    INTER_LINEAR; Pillow's BILINEAR averages more, and gives other boxes).

    Make a canvas of W x H px, every value {border}, and put the picture at left = round((W -
    new_w) / 2 - 0.1), top = round((H - new_h) / 2 - 0.1).

    Divide every value by {divisor} as float32, and lay them out as (batch, {colours}, row, column).
"""
_READ_RAW = """
    {output} is (batch, 4 + {classes}, candidates). Each candidate has its centre x, centre y,
    width and height in px of the input, then a score from 0 to 1 for each class, in the order of
    `classes`.

    The class of a candidate is the one with its highest score, which is its score. Drop it if
    that is below {least}.

    x1 = centre x - width / 2, y1 = centre y - height / 2, x2 = centre x + width / 2, y2 = centre y
    + height / 2.

    Non-maximum suppression, for each class by itself: visit boxes by descending score, and drop one
    whose intersection over union with a kept one exceeds {overlap} (thresholds.overlap). Of all
    classes together keep the best {most} (thresholds.max_boxes).
"""
_READ_END2END = """
    {output} is (batch, rows, 6): x1, y1, x2, y2 in px of the input, the score from 0 to 1, and the
    number of the class in `classes`, from 0; the best rows come first.

    Drop rows whose score is 0, or below {least}. Nothing is to be suppressed: the model gives each
    object once.
"""
_READ_BOXES = """
    The first {count}[b] rows of {boxes}[b], {scores}[b] and {class_numbers}[b] are the boxes of
    picture b, the best first. Nothing else is to be done.
"""
_BACK = """
    Back to px of the picture: {where}x = (x - left) / (new_w / w), y = (y - top) / (new_h / h);
    then clip x to 0 ... w and y to 0 ... h.
"""
_WHERE = "the output letterbox has left, top, new_w / w and new_h / h, for a picture of w x h px; "


class PortFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of a model.

    Attributes:
        name: Its name in the graph.
        dtype: numpy's name of its numbers, such as ``float32``.
        shape: A number for each axis, or the name of one that may have any length.
        default: What an input is that is left out; None for one that must be given.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    default: Any = None


class ModelPorts(msgspec.Struct, frozen=True, kw_only=True):
    """All inputs and outputs of a model."""

    inputs: tuple[PortFacts, ...]
    outputs: tuple[PortFacts, ...]


def encode_sidecar(manifest: ModelManifest, ports: ModelPorts, *, name: str, sha256: str) -> str:
    """Return the text of a model's ``<stem>.json``.

    Args:
        manifest: What the model says of itself.
        ports: What it takes and gives.
        name: What the file is called.
        sha256: Its hash.
    """
    head = manifest.head
    content = {
        "format": FORMAT,
        "about": f"How to feed and read {name}, a detector of {_count_classes(manifest)}. All "
        "that is needed is here and in that file; it runs with onnxruntime in any language.",
        "file": name,
        "sha256": sha256,
        "precision": manifest.provenance.precision,
        "license": manifest.provenance.license,
        "classes": list(head.names),
        "inputs": [_describe_port(port, manifest) for port in ports.inputs],
        "outputs": [_describe_port(port, manifest) for port in ports.outputs],
        "prepare": _describe_preparation(manifest.io),
        "read": _describe_reading(manifest),
        "thresholds": {
            "score": head.conf,
            "score_by_class": dict(zip(head.names, head.class_conf, strict=False)),
            "overlap": head.iou,
            "max_boxes": head.max_det,
        },
        "manifest": json.loads(encode_manifest(manifest)),
    }
    spread = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return _SHORT_LIST.sub(lambda found: f"[{' '.join(found[1].split())}]", spread)


def _count_classes(manifest: ModelManifest) -> str:
    return counted(len(manifest.head.names), "class", "classes")


def _describe_port(port: PortFacts, manifest: ModelManifest) -> dict[str, Any]:
    """Return a port with its meaning; inputs that may be left out have their default."""
    facts: dict[str, Any] = {"name": port.name, "dtype": port.dtype, "shape": list(port.shape)}
    if port.default is not None:
        facts |= {"optional": True, "default": port.default}
    return facts | {"meaning": _say_meanings(manifest)[port.name]}


def _say_meanings(manifest: ModelManifest) -> dict[str, str]:
    """Return what each input and output is, by name."""
    io, head = manifest.io, manifest.head
    colours = _name_colours(io)
    taken = (
        f"one picture of any size: rows, columns, and {colours} from 0 to 255"
        if io.kind == "image"
        else f"prepared pictures: batch, {colours}, row, column"
    )
    meanings = {
        io.input_name: taken,
        LETTERBOX: "left, top, new_w / w, new_h / h: where the picture is in the input, see `read`",
    }
    if head.ports is None:
        return meanings | {head.output_name: "candidates for boxes, see `read`"}
    return meanings | _say_box_meanings(head.output_name, head.ports)


def _say_box_meanings(boxes: str, ports: BoxPorts) -> dict[str, str]:
    unit = "of the picture, if its size was given as image_wh, else of the prepared input"
    return {
        boxes: "x1, y1, x2, y2 of each box: left, top, right, bottom in px "
        + (unit if ports.image_wh else "of the picture"),
        ports.scores: "score of each box, from 0 to 1, highest first",
        ports.classes: "number of each box's class in `classes`, from 0; -1 in rows without a box",
        ports.count: "how many of the rows are boxes; the others are padding",
        ports.conf: "least score of a box: one number, or one for each class in their order",
        ports.iou: "of two boxes of a class that overlap by more (intersection over union), the "
        "one that scores less is dropped",
        ports.max_det: "most boxes in a picture, and rows of each output",
        ports.multi_label: "whether a box counts for every class that reaches the least score, as "
        "measuring a model by COCO's rules wants it, or for its best class alone",
        ports.clip: "whether boxes are clipped to the picture",
        ports.image_wh: "width and height of each picture before it was prepared; 0, 0 for boxes "
        "in px of the prepared input",
    }


def _steps(text: str, **values: object) -> list[str]:
    """Return the paragraphs of a text, each on one line, with values in place of their names."""
    return [" ".join(one.split()) for one in text.format(**values).strip().split("\n\n")]


def _name_colours(io: ModelIO) -> str:
    return "red, green, blue" if io.color_order == "rgb" else "blue, green, red"


def _describe_preparation(io: ModelIO) -> dict[str, Any]:
    """Return what makes an input of a picture, in steps and numbers."""
    is_image = io.kind == "image"
    divisor = round(1 / io.pixel_scale, 6)
    colours = _name_colours(io)
    steps = [f"Decode the picture to 8 bits of {colours}, upright as its EXIF orientation says."]
    if is_image:
        steps.append("That is the input; the file does all else.")
    else:
        values = {"border": io.pad_value, "divisor": f"{divisor:g}", "colours": colours}
        steps += _steps(_PREPARE, sizes=_say_sizes(io), **values)
    return {
        "steps": steps,
        "in_the_file": is_image,
        "dtype": "uint8" if is_image else "float32",
        "layout": "row, column, colour" if is_image else "batch, colour, row, column",
        "color_order": io.color_order,
        "input_width": io.input_wh[0],
        "input_height": io.input_wh[1],
        "resize": "bilinear, half-pixel centres, no antialiasing (OpenCV's INTER_LINEAR)",
        "border": io.pad_value,
        "divide_by": int(divisor) if divisor == int(divisor) else divisor,
    }


def _say_sizes(io: ModelIO) -> str:
    width, height = io.input_wh
    if io.shape[2] is not None:
        return f"W = {width} and H = {height} are the width and height of the input"
    return (
        f"W and H, the width and height of the input, are multiples of {io.stride_px} of your "
        f"choice; the model was made for {width} and {height}"
    )


def _describe_reading(manifest: ModelManifest) -> dict[str, Any]:
    """Return what makes boxes of the outputs, in steps and numbers."""
    head, io, corners = manifest.head, manifest.io, ["x1", "y1", "x2", "y2"]
    if head.ports is not None:
        unit = "px of the picture"
        if head.ports.image_wh:
            unit = f"px of the picture, if {head.ports.image_wh} is given; else of the input"
        steps = _steps(
            _READ_BOXES,
            boxes=head.output_name,
            scores=head.ports.scores,
            class_numbers=head.ports.classes,
            count=head.ports.count,
        )
        return {"steps": steps, "box": corners, "unit": unit}
    is_raw = not load_head(head.layout).SUPPRESSES_OVERLAPS
    box = ["centre x", "centre y", "width", "height"] if is_raw else corners
    steps = _steps(
        _READ_RAW if is_raw else _READ_END2END,
        output=head.output_name,
        classes=len(head.names),
        least=_say_least(manifest),
        overlap=f"{head.iou:g}",
        most=head.max_det,
    )
    return {
        "steps": steps + _steps(_BACK, where=_WHERE if io.kind == "image" else ""),
        "box": box,
        "unit": "px of the input",
        "columns": [*box, *(head.names if is_raw else ("score", "class"))],
    }


def _say_least(manifest: ModelManifest) -> str:
    if manifest.head.class_conf:
        return "the score of its class in thresholds.score_by_class"
    return f"{manifest.head.conf:g} (thresholds.score)"
