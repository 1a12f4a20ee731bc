"""The inspect job: the layers of an ONNX file or a checkpoint, and the maps of some of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.checkpoints.reading import explain_unreadable
from yolokit.core.events import OnEvent, Phase, ignore
from yolokit.core.suggest import describe_unknown
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.inspection import Network, describe_no_map
from yolokit.engine_protocol.requests import InspectRequest
from yolokit.errors import ConfigError, InferenceError, WeightsError
from yolokit.files.atomic import publish_file
from yolokit.files.digest import digest_weights
from yolokit.files.outputs import check_output
from yolokit.files.regular_file import why_no_file
from yolokit.jobs.inspect.advice import advise
from yolokit.jobs.inspect.config import MAX_SIDE_PX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.core.types import F32, U8
    from yolokit.jobs.inspect.config import InspectConfig


_MAP_AXES = 4  # batch, channels, height, width


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a model.

    Attributes:
        model: The file.
        network: Its layers.
        advice: What they mean for pictures, one sentence each.
        picture: Feature maps that were drawn, or None.
    """

    model: str
    network: Network
    advice: tuple[str, ...]
    picture: Path | None = None


def inspect_model(config: InspectConfig, on_event: OnEvent = ignore) -> Inspection:
    """Look into a model, and draw feature maps if an image is given.

    Raises:
        WeightsError: A checkpoint is missing or cannot be loaded.
        InferenceError: An ONNX file is missing or cannot be read.
        MissingDependencyError: torch, or onnx, is not installed.
        DataError: The image cannot be read.
        OutputExistsError: The picture exists.
        ConfigError: There is no such layer, or the size cannot be.
    """
    from yolokit.images.files import read_image

    path, picture = Path(config.model), None
    bgr = None
    if config.image is not None:
        picture = Path(config.out) if config.out else Path(f"{path.stem}-maps.png")
        check_output(picture)
        bgr = read_image(Path(config.image))
    with tempfile.TemporaryDirectory(prefix="yolokit-") as scratch:
        look = _look_into_graph if path.suffix.lower() == ".onnx" else _look_into_checkpoint
        network, maps = look(config, bgr, Path(scratch), on_event)
    if picture is not None and bgr is not None:
        from yolokit.jobs.inspect.maps import draw_maps, write_picture

        with publish_file(picture) as part:
            write_picture(part, picture.suffix, draw_maps(bgr, maps, network))
    return Inspection(
        model=str(path), network=network, advice=advise(network, path), picture=picture
    )


def _look_into_graph(
    config: InspectConfig, bgr: U8 | None, scratch: Path, on_event: OnEvent
) -> tuple[Network, Mapping[str, F32]]:
    from yolokit.jobs.inspect.onnx_layers import list_layers, read_graph, write_with_outputs

    path = Path(config.model)
    reason = why_no_file(path)
    if reason is not None:
        raise InferenceError(f"{path} {reason}", hint="name an ONNX file or a checkpoint (.pt)")
    graph = read_graph(path, config.imgsz)
    network = list_layers(graph, path)
    if bgr is None:
        return network, {}
    chosen = config.layers or [layer.name for layer in network.head_inputs]
    _check_maps(path, network, chosen)
    on_event(Phase("computing the maps"))
    made, outputs = write_with_outputs(graph, chosen, scratch)
    try:
        return network, _run_graph((made, outputs), network, bgr)
    except InferenceError as error:
        reason = error.message.replace(str(made), made.name).replace(made.name, str(path))
        raise InferenceError(reason, hint=error.hint) from error


def _check_maps(path: Path, network: Network, chosen: Sequence[str]) -> None:
    """Refuse layers that are not there or make no maps, and inputs that no memory holds."""
    layers = {layer.name: layer for layer in network.layers}
    if not chosen:
        raise ConfigError(
            f"which layers of {path} feed a head is not known", hint="name layers with --layer"
        )
    for name in chosen:
        if name not in layers:
            raise ConfigError(describe_unknown("layer", name, list(layers)))
        if layers[name].shape and len(layers[name].shape) != _MAP_AXES:
            raise ConfigError(describe_no_map(name, layers[name].shape))
    if max(network.input_shape) > MAX_SIDE_PX:
        height, width = network.input_shape[2:]
        raise InferenceError(f"{path} takes inputs of {width}x{height} px, which is too large")


def _run_graph(found: tuple[Path, Mapping[str, str]], network: Network, bgr: U8) -> dict[str, F32]:
    from yolokit.runtime.manifest import ModelIO
    from yolokit.runtime.model_input import make_input, plan_letterbox
    from yolokit.runtime.session import open_session

    path, outputs = found
    session = open_session(path, provider="cpu")
    port = session.inputs[0]
    height, width = network.input_shape[2:]
    io = ModelIO(input_name=port.name, shape=(1, 3, height, width), input_wh=(width, height))
    tensor = make_input(bgr, plan_letterbox((bgr.shape[1], bgr.shape[0]), io), io)
    values = session.run({port.name: tensor}, list(outputs.values()))
    for name, output in outputs.items():
        if values[output].ndim != _MAP_AXES:
            raise ConfigError(describe_no_map(name, values[output].shape))
    return {name: values[output][0] for name, output in outputs.items()}


def _look_into_checkpoint(
    config: InspectConfig, bgr: U8 | None, scratch: Path, on_event: OnEvent
) -> tuple[Network, Mapping[str, F32]]:
    path = Path(config.model)
    reason = why_no_file(path)
    if reason is not None:
        raise WeightsError(f"{path} {reason}", hint="name an ONNX file or a checkpoint (.pt)")
    problem = explain_unreadable(path) if config.trust is None else None
    if problem is not None:
        raise WeightsError(problem[0], hint=problem[1])
    image = None
    if bgr is not None:
        image = scratch / "image.npy"
        np.save(image, bgr, allow_pickle=False)
    on_event(Phase("starting torch"))
    result = run_job(
        "inspect",
        InspectRequest(
            weights=str(path.resolve()),
            digest=digest_weights(path),
            imgsz=config.imgsz,
            image=None if image is None else str(image),
            layers=list(config.layers),
            folder=str(scratch),
            trust=config.trust is not None,
        ),
        log_path=scratch / "inspect.log",
        on_event=on_event,
        keeps_log=False,
    )
    names = result["maps"]
    maps = {
        name: np.load(scratch / f"{index}.npy", allow_pickle=False)
        for index, name in enumerate(names)
    }
    return msgspec.convert(result["network"], Network), maps
