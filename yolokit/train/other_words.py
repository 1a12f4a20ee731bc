"""Options that other trainers have under other names, each with the name or the reason here.

The names are those of ultralytics' ``cfg/default.yaml`` and of YOLOv5's and YOLOv7's ``train.py``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SQUARE = "is not offered: images are trained in squares, and exported for any shape"
_SINGLE = "is not offered: `yolokit data convert --map 'a,b,...=object'` makes one class of all"
_BOXES = "is for other tasks; this version trains detectors of boxes"
_LATER = "belongs to another job: `{}`"
_ALWAYS = "needs no option: {}"
_DISTILL = "is not offered: a network is trained on the labels alone"
_LOSS = "is not offered; the losses are weighed by box, cls and dfl"
_ANCHORS = "is not offered: the networks trained here need no anchors"
_LOGGER = "is not offered: nothing is sent anywhere; run.json has every figure"
_IN_DATA = "is in the data.yaml that data names"
_AUGMENT = "is not offered; of the augmentations there are mosaic, mixup, copy_paste and more"


def _called(name: str) -> str:
    return f"is called {name} here"


OTHER_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "val": f"{_called('validate')}: validate after every epoch, or only after the last",
        "noval": "is `validate: false` here",
        "amp": f"{_called('precision')}: auto, fp32, fp16 or bf16, as in --set precision=fp16",
        "half": f"{_called('precision')}: auto, fp32, fp16 or bf16, as in --set precision=fp16",
        "model": f"{_called('weights')}, or arch where nothing is transferred",
        "pretrained": "is what weights says; `init: backbone` takes a part of it",
        "cfg": f"{_called('arch')}; further options go into --set, or a file for --config",
        "hyp": "is a file for --config here",
        "img": _called("imgsz"),
        "imgs": _called("imgsz"),
        "img_size": _called("imgsz"),
        "image_size": _called("imgsz"),
        "batch_size": _called("batch"),
        "epoch": _called("epochs"),
        "learning_rate": _called("lr"),
        "cos_lr": "is `schedule: cosine` here",
        "cls_pw": _called("class_weights"),
        "optim": _called("optimizer"),
        "adam": "is `optimizer: Adam` here",
        "project": "is given on the command line: --out FOLDER, or --name NAME below runs/train",
        "name": "is given on the command line: --name NAME",
        "save_dir": "is given on the command line: --out FOLDER",
        "out": "is given on the command line: --out FOLDER",
        "overwrite": "is not offered: a run is never written over; give another --name",
        "exist_ok": "is not offered: a run is never written over; give another --name",
        "resume": "is given on the command line: --resume with --name or --out",
        "save": _ALWAYS.format("best.pt and last.pt are always kept"),
        "nosave": _ALWAYS.format("best.pt and last.pt are always kept"),
        "save_period": "is not offered: best.pt and last.pt are kept",
        "plots": _ALWAYS.format("curves.png and run.json are always made"),
        "verbose": _ALWAYS.format("train.log has all details"),
        "deterministic": _ALWAYS.format("training is deterministic as far as the device allows"),
        "cls_remap": _ALWAYS.format("class rows are transferred by their names"),
        "channels_last": _ALWAYS.format("a CPU trains so, being faster then"),
        "time": "is not offered: epochs says how long to train, and patience stops early",
        "evolve": "is not offered: options are not searched for",
        "rect": _SQUARE,
        "single_cls": _SINGLE,
        "classes": "is not offered: `yolokit data convert --keep a,b` makes a set of some classes",
        "profile": "is not offered: `yolokit doctor` says what this machine can do",
        "warmup_momentum": "is not offered: warmup_epochs says how long the warm-up is",
        "warmup_bias_lr": "is not offered: warmup_epochs says how long the warm-up is",
        "bgr": _AUGMENT,
        "cutmix": _AUGMENT,
        "copy_paste_mode": _AUGMENT,
        "auto_augment": _AUGMENT,
        "erasing": _AUGMENT,
        "overlap_mask": _BOXES,
        "mask_ratio": _BOXES,
        "pose": _BOXES,
        "kobj": _BOXES,
        "rle": _BOXES,
        "angle": _BOXES,
        "task": _BOXES,
        "mode": "is the command itself: train, val, export or predict",
        "split": _LATER.format("yolokit val --split NAME"),
        "conf": _LATER.format("yolokit val --conf X"),
        "iou": _LATER.format("yolokit val --iou X"),
        "max_det": _LATER.format("yolokit val --max-det N"),
        "save_json": "is not offered: `yolokit predict` writes boxes as JSON lines",
        "source": _LATER.format("yolokit predict MODEL SOURCE"),
        "show": _LATER.format("yolokit predict"),
        "format": _LATER.format("yolokit export"),
        "opset": _LATER.format("yolokit export --opset N"),
        "dynamic": _LATER.format("yolokit export --dynamic batch"),
        "simplify": _LATER.format("yolokit export"),
        "quantize": _LATER.format("yolokit export"),
        "nms": _LATER.format("yolokit export"),
        **dict.fromkeys(("optimize", "workspace", "end2end"), _LATER.format("yolokit export")),
        **dict.fromkeys(
            (
                *("dnn", "vid_stride", "stream_buffer", "visualize", "augment", "agnostic_nms"),
                *("retina_masks", "embed", "save_frames", "save_txt", "save_conf", "save_crop"),
                *("show_labels", "show_conf", "show_boxes", "line_width", "tracker"),
            ),
            _LATER.format("yolokit predict"),
        ),
        **dict.fromkeys(("distill_model", "dis", "dlog", "dgrad", "dlam"), _DISTILL),
        **dict.fromkeys(("label_smoothing", "fl_gamma", "obj", "obj_pw", "iou_t"), _LOSS),
        **dict.fromkeys(("anchors", "anchor_t", "noautoanchor"), _ANCHORS),
        **dict.fromkeys(("entity", "upload_dataset", "bbox_interval", "artifact_alias"), _LOGGER),
        **dict.fromkeys(("nc", "names"), _IN_DATA),
        "noplots": _ALWAYS.format("curves.png and run.json are always made"),
        "image_weights": "is not offered; class_weights weighs rare classes",
        "accumulate": "is what nbs asks for: images of an optimizer step",
        "linear_lr": "is `schedule: linear` here, the default",
        "quad": _SQUARE,
        "sync_bn": "is not offered: each device normalises its own batch",
    }
)
