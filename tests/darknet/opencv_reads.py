"""Runs a Darknet network in OpenCV 4's own importer: a second, independent reading of the files.

    python darknet_opencv.py CFG WEIGHTS IMAGE SIDE_PX OUT.npz

Writes ``input`` and the output of every layer as ``<kind>_<index in the cfg>``. OpenCV 5 has no
importer for Darknet any more, so this runs in an environment of its own.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np

cfg, weights, image, side, out = sys.argv[1:]
net = cv2.dnn.readNetFromDarknet(cfg, weights)  # type: ignore[attr-defined]  # OpenCV 4
net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
net.enableFusion(False)
net.enableWinograd(False)  # its rounding is coarser
picture = cv2.imread(image)
assert picture is not None
blob = cv2.dnn.blobFromImage(picture, 1 / 255, (int(side), int(side)), swapRB=True)
net.setInput(blob)
names = [name for name in net.getLayerNames() if not name.startswith("yolo")]
outputs = dict(zip(names, net.forward(names), strict=True))
np.savez(out, input=blob, **outputs)
