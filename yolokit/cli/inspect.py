"""``yolokit inspect``: what is inside a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option
from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.engine_protocol.inspection import Layer
    from yolokit.jobs.inspect.job import Inspection

_COLUMNS = (
    "layer", "type", "kernel", "stride", "pad", "output", "sees px", "every px", "parameters",
    "MFLOPs",
)  # fmt: skip


def inspect(
    ctx: typer.Context,
    json: Annotated[bool, json_option("Print all of it as one line of JSON.")] = False,
) -> None:
    """Show the layers of a model: what each sees and costs.

    "sees" is the receptive field, "every" the distance of its values in px of the input. With
    --image, what chosen layers make of it is drawn: bright is strong.
    """
    from yolokit.cli.output import emit, emit_json, say, table
    from yolokit.cli.progress import show_events
    from yolokit.jobs.inspect.config import InspectConfig
    from yolokit.jobs.inspect.job import inspect_model

    with show_events() as on_event:
        found = inspect_model(InspectConfig.build(ctx.obj), on_event)
    if json:
        import msgspec

        emit_json(msgspec.to_builtins(found, enc_hook=str))
        return
    emit(table(_COLUMNS, [_show_layer(layer) for layer in found.network.layers]))
    emit(_show_totals(found))
    for sentence in found.advice:
        say(sentence)
    if found.picture is not None:
        emit(f"{found.picture}")


def _show_totals(found: Inspection) -> str:
    network = found.network
    height, width = network.input_shape[2:]
    about = "".join(f"; {name} {value}" for name, value in network.about if name != "names")
    return (
        f"{counted(len(network.layers), 'layer')}, {network.parameters:,} parameters, "
        f"{network.flops / 1e9:.2f} GFLOPs an image of {width}x{height} px{about}"
    )


def _show_layer(layer: Layer) -> tuple[object, ...]:
    field = "all" if layer.field_px is None and layer.stride_px else layer.field_px
    groups = f"/{layer.groups}" if layer.groups > 1 else ""
    return (
        layer.name,
        layer.type + groups,
        *(_show_pair(pair) for pair in (layer.kernel, layer.stride, layer.padding)),
        "x".join(map(str, layer.shape)) or "?",
        "-" if field is None else field,
        "-" if layer.stride_px is None else f"{layer.stride_px:g}",
        f"{layer.parameters:,}" if layer.parameters else "-",
        f"{layer.flops / 1e6:.2f}" if layer.flops else "-",
    )


def _show_pair(pair: tuple[int, int] | None) -> str:
    return "-" if pair is None else f"{pair[0]}x{pair[1]}"
