"""From nothing: an architecture with fresh weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.engine.network.arch import make_model, read_arch
from yolokit.engine.network.transfer import report_transfer
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.engine_protocol.training import TransferReport


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Build the architecture; nothing is transferred.

    Raises:
        ConfigError: The architecture wants weights of its own, which would have to be fetched.
    """
    assert request.arch is not None
    arch = read_arch(request.arch)
    for _, _, module, values in arch["backbone"]:
        if module == "TorchVision" and (values[2:3] or ["DEFAULT"])[0] not in (None, "None"):
            raise ConfigError(
                f"{arch['yaml_file']} asks torchvision to download weights",
                hint="write None there; --backbone with --init imagenet brings verified weights",
            )
    model = make_model(arch, request.names, request.task)
    return model, report_transfer(model, {}, kind="scratch", absent="a start from nothing")
