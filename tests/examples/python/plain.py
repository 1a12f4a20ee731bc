# plain.py
"""Boxes of a plain model file, with numpy, onnxruntime and Pillow: prints them, the best first."""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def find(model, image):
    """Return rows of x1, y1, x2, y2 (px of the image), score, class, and the names of classes.

    ``image`` is (H, W, 3) uint8 of red, green, blue.
    """
    session = onnxruntime.InferenceSession(model)
    about = json.loads(session.get_modelmeta().custom_metadata_map["yolokit"])
    head, (input_w, input_h) = about["head"], about["io"]["input_wh"]

    # Letterbox: scale the picture to fit the input, keep its proportions, pad the rest with grey.
    image_h, image_w = image.shape[:2]
    scale = min(input_w / image_w, input_h / image_h)
    inner_w, inner_h = max(1, round(image_w * scale)), max(1, round(image_h * scale))
    left, top = round((input_w - inner_w) / 2 - 0.1), round((input_h - inner_h) / 2 - 0.1)
    padded = np.full((input_h, input_w, 3), about["io"]["pad_value"], np.uint8)
    padded[top : top + inner_h, left : left + inner_w] = resize(image, inner_w, inner_h)

    # From (H, W, RGB) of 0..255 to (1, RGB, H, W) of 0..1.
    pixels = padded[None].transpose(0, 3, 1, 2).astype(np.float32) / 255
    output = session.run([head["output_name"]], {about["io"]["input_name"]: pixels})[0][0]

    if head["layout"] == "end2end":  # (boxes, 6): x1, y1, x2, y2, score, class; overlaps are gone
        rows = output
    else:  # "raw", (4 + classes, places): centre, width, height, and a score for each class
        centre, size = output[:2].T, output[2:4].T
        scores, classes = output[4:].max(0), output[4:].argmax(0)
        rows = np.column_stack([centre - size / 2, centre + size / 2, scores, classes])
    least = np.array(head.get("class_conf") or [head["conf"]] * len(head["names"]))  # of each class
    rows = rows[rows[:, 4] >= least[rows[:, 5].astype(int)]]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    if head["layout"] == "raw":
        rows = suppress(rows, head["iou"])
    rows = rows[: head["max_count"]]

    # Back from the input to the picture.
    rows[:, [0, 2]] = ((rows[:, [0, 2]] - left) * image_w / inner_w).clip(0, image_w)
    rows[:, [1, 3]] = ((rows[:, [1, 3]] - top) * image_h / inner_h).clip(0, image_h)
    return rows, head["names"]


def resize(image, width, height):
    """Scale a picture as OpenCV's INTER_LINEAR does: weights in 1/2048, and bits are dropped."""
    old_h, old_w = image.shape[:2]
    x, part = places(old_w, width)
    part[(x < 0) | (x >= old_w - 1)] = 0  # beyond an edge the pixel there counts alone
    first, second = (image[:, at.clip(0, old_w - 1)].astype(int) for at in (x, x + 1))
    a, b = weights(part)
    mixed = (first * a[:, None] + second * b[:, None]) >> 4
    y, part = places(old_h, height)
    upper, lower = (mixed[at.clip(0, old_h - 1)] for at in (y, y + 1))
    a, b = weights(part)
    total = (upper * a[:, None, None] >> 16) + (lower * b[:, None, None] >> 16)
    return ((total + 2) >> 2).astype(np.uint8)


def places(old, new):
    """Return for each new pixel of an axis which old one it is behind, and how far, from 0 to 1."""
    place = ((np.arange(new) + 0.5) * (1 / (new / old)) - 0.5).astype(np.float32)
    first = np.floor(place)
    return first.astype(int), place - first


def weights(part):
    """Return what two neighbours count, in 1/2048."""
    return np.rint((1 - part) * 2048).astype(int), np.rint(part * 2048).astype(int)


def suppress(rows, max_iou):
    """Of boxes of one class that overlap, keep the best (non-maximum suppression)."""
    kept = []
    for row in rows:
        same = [one for one in kept if one[5] == row[5]]
        if all(overlap(row, one) <= max_iou for one in same):
            kept.append(row)
    return np.array(kept).reshape(-1, 6)


def overlap(a, b):
    """Return the intersection over the union of two boxes."""
    width, height = np.minimum(a[2:4], b[2:4]) - np.maximum(a[:2], b[:2])
    shared = max(width, 0) * max(height, 0)
    return shared / (np.prod(a[2:4] - a[:2]) + np.prod(b[2:4] - b[:2]) - shared)


if __name__ == "__main__":
    model, photo = sys.argv[1:]
    upright = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    found, names = find(model, np.asarray(upright))
    for x1, y1, x2, y2, score, index in found:
        print(f"{x1:.4f} {y1:.4f} {x2:.4f} {y2:.4f} {score:.6f} {names[int(index)]}")
