"""Which classes and functions checkpoints of the field are known to name.

It lists what is harmless, since a list of what is not would never be complete.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolokit.checkpoints.pickles import Global

OTHER_YOLO = {
    "yolov6": "YOLOv6's own repository",
    "yolox": "YOLOX",
    "super_gradients": "YOLO-NAS",
    "damo": "DAMO-YOLO",
    "mmengine": "MMDetection",
    "mmdet": "MMDetection",
}
_BUILTINS = frozenset(
    {
        *("set", "frozenset", "dict", "list", "tuple", "slice", "object"),
        *("int", "float", "bool", "str", "bytes", "bytearray", "complex"),
    }
)
# Packages whose classes describe layers, losses and data; functions are not classes.
_OWN_PACKAGES = (
    *("torch.nn", "torch.ao.nn", "torch.optim", "torch.amp", "torch.cuda.amp"),
    *("torchvision.models", "torchvision.ops", "torchvision.transforms"),
    *("ultralytics.nn", "ultralytics.yolo", "ultralytics.models", "ultralytics.data.augment"),
    *("ultralytics.utils.loss", "ultralytics.utils.tal", "numpy.dtypes"),
)
_FOREIGN_PACKAGES = (
    *("models", "utils", "timm", "clip.model", "mmcv", *OTHER_YOLO),
    *("efficientnet_pytorch", "segmentation_models_pytorch"),
    *("omegaconf", "yacs", "easydict", "addict", "fractions", "decimal", "datetime", "uuid"),
)
_CLASS = re.compile(r"_?(v\d+)?[A-Z]\w*", re.ASCII)  # v8DetectionLoss, too
_PATHS = frozenset({"PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path"})
_ARRAYS = re.compile(r"_reconstruct|scalar|_frombuffer", re.ASCII)
_DTYPES = r"b?float\w*|b?complex\w*|q?u?int\w*|bool\w*|bits\w*|half|double|per_(tensor|channel)_\w+"
_OWN_NAMES = {
    "torch": re.compile(rf"\w*(Storage|Tensor)|Size|device|dtype|{_DTYPES}", re.ASCII),
    "torch.cuda": re.compile(r"\w*(Storage|Tensor)", re.ASCII),
    "torch.sparse": re.compile(r"\w*Tensor", re.ASCII),
    "torch.cuda.sparse": re.compile(r"\w*Tensor", re.ASCII),
    "torch._tensor": re.compile(r"Tensor"),
    "torch._utils": re.compile(r"_rebuild_\w+", re.ASCII),
    "torch.storage": re.compile(r"(Typed|Untyped)Storage"),
    "torch.serialization": re.compile(r"_get_layout"),
    "collections": re.compile(r"OrderedDict|Counter|defaultdict|deque"),
    "numpy": re.compile(rf"ndarray|dtype|{_DTYPES}", re.ASCII),
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "numpy.core.numeric": _ARRAYS,
    "numpy._core.numeric": _ARRAYS,
    "pathlib": re.compile("|".join(_PATHS)),
    "pathlib._local": re.compile("|".join(_PATHS)),
    "ultralytics.utils": re.compile(r"IterableSimpleNamespace"),
    "_codecs": re.compile(r"encode"),  # how old protocols write bytes
    "builtins": re.compile("|".join(_BUILTINS)),
    "__builtin__": re.compile("|".join(_BUILTINS)),
}
_FOREIGN_NAMES = {
    "argparse": re.compile(r"Namespace"),
    "types": re.compile(r"SimpleNamespace"),
}


def is_own(asked: Global) -> bool:
    """Tell whether checkpoints that load with weights only may name this."""
    return _is_listed(asked, _OWN_PACKAGES, _OWN_NAMES)


def is_guarded(asked: Global) -> bool:
    """Tell whether this is innocent only where the engine guards what it is given.

    ``getattr`` is replaced there by one for layers alone, and the other calls what is listed.
    """
    if asked.module in ("builtins", "__builtin__"):
        return asked.name == "getattr"
    return asked == ("torch._tensor", "_rebuild_from_type_v2")


def is_plausible(asked: Global) -> bool:
    """Tell whether an honest checkpoint of the field may name this.

    A dotted name never is: it reaches through a class or module into anything inside it.
    """
    return is_own(asked) or _is_listed(asked, _FOREIGN_PACKAGES, _FOREIGN_NAMES)


def _is_listed(asked: Global, packages: tuple[str, ...], names: dict[str, re.Pattern[str]]) -> bool:
    known = names.get(asked.module)
    if known is not None and known.fullmatch(asked.name):
        return True
    inside = any(asked.module == one or asked.module.startswith(f"{one}.") for one in packages)
    return inside and _CLASS.fullmatch(asked.name) is not None
