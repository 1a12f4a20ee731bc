# embedded.py
"""Boxes of a file of ``--embed pre,nms``: a picture goes in, boxes come out, the best first."""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model, photo = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.log_severity_level = 3  # it would warn of each input that may be left out
session = onnxruntime.InferenceSession(model, options)
names = json.loads(session.get_modelmeta().custom_metadata_map["yolokit"])["head"]["names"]

image = np.asarray(ImageOps.exif_transpose(Image.open(photo)).convert("RGB"))  # (H, W, 3) uint8
# Thresholds are inputs too: {"image": image, "conf": np.array([0.4], np.float32)}
outputs = ["boxes", "scores", "classes", "count"]
boxes, scores, classes, count = session.run(outputs, {"image": image})
for row in range(count[0]):
    x1, y1, x2, y2 = boxes[0, row]
    name = names[classes[0, row]]
    print(f"{x1:.4f} {y1:.4f} {x2:.4f} {y2:.4f} {scores[0, row]:.6f} {name}")
