"""The inspect job: what the layers of a checkpoint are, and the maps that some of them give."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.receptive_field import Reach, join
from yolokit.engine.process import Job, check_stop, serve
from yolokit.engine_protocol.inspection import Layer, Network, describe_no_map
from yolokit.engine_protocol.requests import InspectRequest
from yolokit.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Sequence

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

_POOLS = ("max_pool2d", "max_pool2d_with_indices", "avg_pool2d")
_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")


def inspect(request: InspectRequest) -> dict[str, Any]:
    """Return the network as ``network``, and write the maps of the chosen layers.

    Raises:
        WeightsError: The checkpoint cannot be loaded, or does not run at that size.
    """
    from yolokit.engine import ultralytics_patches
    from yolokit.engine.infer import letterbox

    model, checkpoint = ultralytics_patches.load_model(
        request.weights, request.digest, trust=request.trust
    )
    check_stop()
    if not isinstance(getattr(model, "model", None), torch.nn.Sequential) or not len(model.model):
        raise WeightsError(
            f"{request.weights} holds no network of layers, but a {type(model).__name__}",
            hint="yolokit reads checkpoints as ultralytics saves them, YOLOv8 and later",
        )
    imgsz = request.imgsz or _trained_size(checkpoint)
    if request.image is None:
        image = torch.zeros(1, 3, imgsz, imgsz)
    else:
        bgr = np.load(request.image, allow_pickle=False)
        image = torch.from_numpy(letterbox(bgr, (imgsz, imgsz)))
    inputs = _head_inputs(model)
    wanted = request.layers or ([] if request.image is None else inputs)
    recorder = _Recorder(model, image, wanted, inputs)
    try:
        recorder.run()
    except RuntimeError as error:
        raise WeightsError(
            f"{request.weights} does not run on an input of {tuple(image.shape)}: {error}",
            hint="its sides have to be multiples of the model's stride: choose another --imgsz",
        ) from error
    for index, name in enumerate(wanted):
        if name not in recorder.maps:
            raise WeightsError(
                describe_no_map(name, recorder.shapes.get(name, ())),
                hint="`yolokit inspect` without --layer lists the layers with their outputs",
            )
        np.save(Path(request.folder) / f"{index}.npy", recorder.maps[name], allow_pickle=False)
    network = Network(
        layers=tuple(recorder.list_layers()),
        input_shape=tuple(image.shape),
        stride_px=_largest_stride(model),
        head_inputs=tuple(recorder.parts[name] for name in inputs if name in recorder.parts),
        about=tuple(_describe(model, checkpoint)),
    )
    return {"network": network, "maps": wanted}


def count_flops(model: Any, imgsz: int) -> int:
    """Return the operations of a network's convolutions and products for one square image."""
    recorder = _Recorder(model, torch.zeros(1, 3, imgsz, imgsz), [], [])
    recorder.run()
    return sum(layer.flops for layer in recorder.list_layers())


def _trained_size(checkpoint: dict[str, Any]) -> int:
    """Return the resolution that a checkpoint says it was trained at, and 640 px without one."""
    imgsz = checkpoint.get("train_args", {}).get("imgsz")
    return imgsz if isinstance(imgsz, int) and 32 <= imgsz <= 8192 else 640


def _largest_stride(model: Any) -> int | None:
    stride = getattr(model, "stride", None)
    if not isinstance(stride, torch.Tensor) or not stride.numel():
        return None
    return max(32, int(stride.max()))


def _head_inputs(model: Any) -> list[str]:
    """Return the names of the layers that the last one takes its maps from."""
    sources = getattr(model.model[-1], "f", -1)
    count = len(model.model) - 1
    listed = sources if isinstance(sources, list) else [sources]
    return [f"model.{at if at >= 0 else count + at}" for at in listed]


def _describe(model: Any, checkpoint: dict[str, Any]) -> list[tuple[str, str]]:
    names = getattr(model, "names", {})
    about = [("head", type(model.model[-1]).__name__)]
    if names and isinstance(names, dict):
        about.append(("classes", ", ".join(str(names[key]) for key in names)))
    trained = checkpoint.get("train_args", {}).get("imgsz")
    return [*about, ("trained at", f"{trained} px")] if trained else about


class _Recorder:
    """Runs a network once, and keeps what each of its layers did.

    Attributes:
        maps: Name of each wanted layer to its output, (C, H, W) float32, if that is a map.
        shapes: Name of each layer to the shape of its output.
        parts: Some layers as a whole, with what is inside them.
    """

    def __init__(
        self, model: Any, image: torch.Tensor, wanted: Sequence[str], parts: Sequence[str]
    ) -> None:
        self.maps: dict[str, Any] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.parts: dict[str, Layer] = {}
        self._asked_parts = set(parts)
        self._model, self._image, self._wanted = model.eval().float(), image, set(wanted)
        self._names = {module: name for name, module in model.named_modules()}
        unknown = sorted(self._wanted - set(self._names.values()))
        if unknown:
            raise WeightsError(
                f"the network has no layer {unknown[0]!r}",
                hint="`yolokit inspect` without --layer lists them",
            )
        self._running: list[Any] = []
        self._layers: dict[str, Layer] = {}
        self._tracker = _Tracker(self)

    def run(self) -> None:
        """Run it."""
        hooks = []
        for module in self._names:
            hooks.append(module.register_forward_pre_hook(self._enter))
            hooks.append(module.register_forward_hook(self._leave))
        self._tracker.reach[self._image] = Reach()
        try:
            with torch.no_grad(), self._tracker:
                self._model(self._image)
        finally:
            for hook in hooks:
                hook.remove()

    def list_layers(self) -> list[Layer]:
        """Return what was recorded, in the order in which it began."""
        return list(self._layers.values())

    def add_flops(self, kind: str, flops: int, output: torch.Tensor) -> None:
        """Enter work into the layer that runs; what a layer with others inside does is one more."""
        module = self._running[-1] if self._running else self._model
        name = self._names[module]
        if any(True for _ in module.children()):
            name = f"{name}.{kind}" if name else kind
        known = self._layers.get(name) or self._make(name, kind, output)
        self._layers[name] = _replace(known, flops=known.flops + flops)

    def _enter(self, module: Any, _inputs: object) -> None:
        self._running.append(module)
        if not any(True for _ in module.children()) and self._names[module] not in self._layers:
            self._layers[self._names[module]] = _describe_module(self._names[module], module)

    def _leave(self, module: Any, _inputs: object, output: Any) -> None:
        self._running.pop()
        check_stop()
        name = self._names[module]
        first = output[0] if isinstance(output, (list, tuple)) else output
        if not isinstance(first, torch.Tensor):
            return
        self.shapes[name] = tuple(first.shape)
        if name in self._wanted and first.dim() == 4:
            self.maps[name] = first[0].float().numpy().copy()
        if name in self._asked_parts:
            self.parts[name] = self._make(name, type(module).__name__, first)
        if name in self._layers and not self._layers[name].shape:  # of a shared one the first use
            self._layers[name] = self._place(self._layers[name], first)

    def _make(self, name: str, kind: str, output: torch.Tensor) -> Layer:
        return self._place(Layer(name=name, type=kind), output)

    def _place(self, layer: Layer, output: torch.Tensor) -> Layer:
        reach = self._tracker.reach.get(output)
        is_bounded = reach is not None and math.isfinite(reach.field_px)
        return _replace(
            layer,
            shape=tuple(output.shape),
            field_px=int(reach.field_px) if reach is not None and is_bounded else None,
            stride_px=reach.stride_px if reach is not None else None,
        )


class _Tracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the receptive field through every operator, and counts the work of the large ones.

    Attributes:
        reach: What each tensor depends on; those that do not depend on the input are not there.
    """

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reach: Any = WeakTensorKeyDictionary()
        self._recorder = recorder

    def __torch_dispatch__(
        self, func: Any, _types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        given = [one for one in _tensors(args) if one in self.reach]
        reach = join(self.reach[one] for one in given)
        if reach is None:
            return output
        first = next(iter(_tensors([output])), None)
        if name == "convolution":
            reach = _through_convolution(reach, args)
            self._recorder.add_flops("Conv", _convolution_flops(args, output), output)
        elif name in _POOLS:
            reach = reach.through_window(*_window(args))
        elif name.startswith("upsample"):
            reach = reach.through_resize(output.shape[-1] / args[0].shape[-1])
        elif name in _PRODUCTS:
            # Two maps multiplied with each other mix all places: attention.
            reach = reach.everywhere() if len(given) > 1 else reach
            self._recorder.add_flops("MatMul", _product_flops(args, output), output)
        if first is not None:
            for one in _tensors([output]):
                self.reach[one] = reach
        return output


def _tensors(values: Any) -> list[torch.Tensor]:
    found = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _tensors(value)
    return found


def _through_convolution(reach: Reach, args: Any) -> Reach:
    kernel, stride, dilation = args[1].shape[2:], args[3], args[5]
    if args[6]:  # transposed: the map grows
        grown = Reach(reach.field_px, reach.stride_px / max(stride))
        return grown.through_window(max(kernel), 1, max(dilation))
    return reach.through_window(max(kernel), max(stride), max(dilation))


def _window(args: Any) -> tuple[int, int, int]:
    """Return kernel, stride and dilation of a pooling; without a stride it is the kernel."""
    kernel = args[1]
    stride = args[2] if len(args) > 2 and args[2] else kernel
    dilation = args[4] if len(args) > 4 and isinstance(args[4], (list, tuple)) else [1]
    return max(kernel), max(stride), max(dilation)


def _convolution_flops(args: Any, output: torch.Tensor) -> int:
    values: int = args[1].numel()
    return 2 * math.prod((args[0] if args[6] else output).shape[2:]) * values


def _product_flops(args: Any, output: torch.Tensor) -> int:
    left, right = [one for one in _tensors(args) if one.dim() >= 2][-2:]
    return int(2 * output.numel() * left.shape[-1]) if right.dim() >= 2 else 0


def _describe_module(name: str, module: Any) -> Layer:
    return Layer(
        name=name,
        type=type(module).__name__,
        kernel=_pair(getattr(module, "kernel_size", None)),
        stride=_pair(getattr(module, "stride", None)),
        padding=_pair(getattr(module, "padding", None)),
        groups=int(getattr(module, "groups", 1)),
        parameters=sum(one.numel() for one in module.parameters(recurse=False)),
    )


def _pair(value: Any) -> tuple[int, int] | None:
    if isinstance(value, int):
        return value, value
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, int) for one in value):
        return value
    return None


def _replace(layer: Layer, **changes: Any) -> Layer:
    import msgspec

    return msgspec.structs.replace(layer, **changes)


JOB = Job(InspectRequest, inspect)

if __name__ == "__main__":
    serve(JOB)
