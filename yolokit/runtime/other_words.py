"""Options that other tools have to run a model, each with the name or the reason here.

The names are those of ultralytics' ``cfg/default.yaml`` and of YOLOv5's ``detect.py``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIZE = "belongs to the model: `yolokit export --imgsz PX` sets it"
_HALF = "is `precision: fp16` here, or bf16; `yolokit doctor` says which ones a provider has"
_INT8 = "belongs to the model: `yolokit export` makes a file of another precision"
_AS_IT_IS = "is not offered: each image is looked at once, as it is"
_DRAWN = "is not offered: boxes are drawn with their class and score"
_FRAMES = "is not offered: every frame is looked at by itself, and none is left out"
_CHOSEN = "is not offered: predictions.jsonl has every class, to choose from"
_NO_WINDOW = "is not offered: pictures and videos are written, to be opened with any program"

WORDS_OF_RUNS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("imgsz", "img", "img_size", "image_size"), _SIZE),
        **dict.fromkeys(("half", "fp16", "amp"), _HALF),
        **dict.fromkeys(("int8", "quantize"), _INT8),
        **dict.fromkeys(("augment", "visualize", "embed", "rect"), _AS_IT_IS),
        **dict.fromkeys(("batch", "batch_size"), "is not offered: images follow one another"),
        "device": "is called provider here; `yolokit doctor` says which ones load",
        "dnn": "is not offered; provider says what runs the model",
        "workers": "is not offered: images are read while the model runs; threads are the model's",
        "conf_thres": "is called conf here",
        "iou_thres": "is called iou here",
        "agnostic_nms": "is not offered: boxes merge within their class",
        "project": "is called out here, a folder anywhere; or name",
        "save_dir": "is called out here",
        "exist_ok": "is called overwrite here",
        "verbose": "needs no option: a summary is always told",
        "task": "is not asked for: the model says what it is for",
        "mode": "is the command itself: train, val, export or predict",
        "end2end": "belongs to the model: it says how its boxes are to be read",
    }
)
"""Of every job that runs a model."""

WORDS_OF_PREDICT: Mapping[str, str] = MappingProxyType(
    {
        **WORDS_OF_RUNS,
        **dict.fromkeys(
            ("model", "weights"),
            "has no option: the model comes first, `yolokit predict MODEL ...`",
        ),
        "source": "has no option: sources follow the model, `yolokit predict MODEL SOURCE...`",
        "format": "is called save here: jsonl, images, video",
        **dict.fromkeys(
            ("save_txt", "save_conf", "save_json"),
            "needs no option: predictions.jsonl has all boxes and scores",
        ),
        "save_crop": "is not offered: predictions.jsonl has the boxes to cut along",
        "save_frames": "is `save: images` here",
        "nosave": "is `save: jsonl` here",
        **dict.fromkeys(("vid_stride", "stream_buffer", "stream"), _FRAMES),
        **dict.fromkeys(("tracker", "persist"), f"{_FRAMES}; this version does not track"),
        **dict.fromkeys(("show", "view_img"), _NO_WINDOW),
        **dict.fromkeys(
            ("show_labels", "show_conf", "show_boxes", "line_width", "hide_labels", "hide_conf"),
            _DRAWN,
        ),
        "classes": _CHOSEN,
        "retina_masks": "is for another task; this version finds boxes",
        "data": "is not asked for: the model knows its classes",
    }
)
