"""Makes checkpoints with random weights, starts from them, and prints what came of it as JSON.

python try_initializers.py FOLDER ARCH_DETECTOR ARCH_WIDE_DETECTOR ARCH_CLASSIFIER
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch

from yolokit.core.task import Task
from yolokit.engine import ultralytics_patches
from yolokit.engine.initializers import build_start
from yolokit.engine.network.arch import make_model, read_arch
from yolokit.engine.network.classes import name_class_rows
from yolokit.engine.network.transfer import list_frozen, split_frozen
from yolokit.engine.tasks.toolkit import load_task
from yolokit.engine_protocol.requests import StartRequest
from yolokit.errors import YolokitError

from ultralytics.nn.tasks import ClassificationModel  # isort: skip - after our edits

folder = Path(sys.argv[1])
detector, wide, classifier = sys.argv[2:]
# As many classes as the first layer has filters: rows must not be told by a tensor's length.
NAMES = [f"kind {letter}" for letter in "abcdefghijklmnop"]
found: dict[str, Any] = {}


def randomize(model: Any) -> Any:
    """Make all rows differ: fresh batch norms and biases are alike."""
    torch.manual_seed(1)
    for tensor in model.state_dict().values():
        if tensor.dtype.is_floating_point and tensor.ndim == 1:
            tensor.add_(torch.rand_like(tensor) * 0.1)
    return model.half()


def store(name: str, model: Any, edit: Callable[[Any], object] = lambda _model: None) -> str:
    model = copy.deepcopy(model)
    edit(model)
    path = folder / f"{name}.pt"
    torch.save({"model": model, "train_args": {}, "epoch": -1}, path)
    return str(path)


def attempt(key: str, freeze: Any = 0, **request: Any) -> Any:
    """Start, note the report or the error under this key, and return the model."""
    given = {"kind": "network", "arch": None, "names": NAMES} | request
    try:
        model, report = build_start(StartRequest(**given))
        report = split_frozen(report, list_frozen(freeze, model), model)
    except YolokitError as error:
        found[key] = f"{type(error).__name__}: {error.message}"
        return None
    found[key] = msgspec.to_builtins(report)
    return model


def rows_equal(model: Any, sources: list[int | None]) -> bool:
    """Tell whether the class rows are the base's at these places, and elsewhere are not."""
    theirs = base.float().state_dict()
    return all(
        any(torch.equal(row, other) for other in theirs[name]) is (source is not None)
        and (source is None or torch.equal(row, theirs[name][source]))
        for name in name_class_rows(model, load_task(Task.DETECT))
        for row, source in zip(model.state_dict()[name], sources, strict=True)
    )


base = randomize(make_model(read_arch(detector), NAMES, Task.DETECT))
path = store("base", base)
attempt("same", weights=path)
moved = [NAMES[1], NAMES[0].upper(), *[f"other {letter}" for letter in "abcdefghijklmn"]]
model = attempt("moved", weights=path, names=moved)
found["moved rows"] = rows_equal(model, [1, 0, *[None] * 14])
others = [f"other {letter}" for letter in "abcdefghijklmnop"]
model = attempt("others", weights=path, names=others)
found["others rows"] = rows_equal(model, [None] * 16)
attempt("placeholders", weights=path, names=[str(index) for index in range(16)])
names = [f"of many {index} x" for index in range(99)]
many = randomize(make_model(read_arch(detector), names, Task.DETECT))
model = attempt("fewer", weights=store("many", many), names=["of many 7 x"])
found["fewer width"] = [branch[-1].in_channels for branch in model.model[-1].cv3]

nan = store("nan", base, lambda m: m.model[3].bn.bias.data[2:4].fill_(float("nan")))
attempt("nan", weights=nan)
attempt("nan backbone", weights=nan, kind="backbone")
extra = store("extra", base, lambda m: setattr(m.model[3], "extra", torch.nn.Linear(2, 2)))
attempt("extra", weights=extra)
attempt("extra backbone", weights=extra, kind="backbone")


def note_epsilons(key: str, model: Any) -> None:
    """Note the epsilons of two layers, and those of the same model when it is built anew."""
    rebuilt = make_model(model.yaml, NAMES, Task.DETECT)
    for name, network in (("epsilons", model), ("rebuilt", rebuilt)):
        layers = dict(network.named_modules())
        found[f"{key} {name}"] = {at: layers[at].eps for at in ("model.0.bn", "model.3.bn")}


eps = store("eps", base, lambda m: setattr(m.model[3].bn, "eps", 1e-5))
note_epsilons("eps", attempt("eps", weights=eps))
mish = store("mish", base, lambda m: setattr(m.model[3], "act", torch.nn.Mish()))
attempt("act", weights=mish)
attempt("act backbone", weights=mish, kind="backbone")
with_own = copy.deepcopy(base)
with_own.yaml["bn_eps"] = 1e-6
ultralytics_patches._initialize(with_own)
own = store("own", with_own)
note_epsilons("own", attempt("own", weights=own))


def age(model: Any) -> None:
    """Store as code did that did not know these settings yet."""
    for module in model.modules():
        for name in ("n", "add", "num_heads"):
            vars(module).pop(name, None)


attempt("aged", weights=store("aged", base, age), kind="backbone", freeze="backbone")

images = ClassificationModel(read_arch(classifier), nc=10, verbose=False)
whole = store("classifier", randomize(images))
given = {"kind": "backbone", "arch": wide, "source_arch": classifier}
model = attempt("imagenet", weights=whole, freeze="neck", **given)
note_epsilons("imagenet", model)
found["imagenet neck epsilon"] = model.model[-2].cv1.bn.eps
pruned = store("pruned", images, lambda m: m.model[6].m.__setitem__(0, torch.nn.Identity()))
attempt("imagenet pruned", weights=pruned, **given)
attempt("imagenet other", weights=path, **(given | {"arch": classifier}))
attempt("scratch frozen", kind="scratch", weights=None, arch=detector, freeze=3)
print("FOUND" + json.dumps(found))
