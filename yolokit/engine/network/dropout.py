"""The share that dropout layers of a network drop."""

from __future__ import annotations

from torch import nn

from yolokit.errors import ConfigError

_LAYERS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


def set_dropout(model: nn.Module, share: float) -> int:
    """Let all dropout layers drop this share of their values; return how many there are.

    Raises:
        ConfigError: The network has none.
    """
    count = 0
    for layer in model.modules():
        if isinstance(layer, _LAYERS):
            layer.p = share
        elif isinstance(layer, nn.MultiheadAttention):
            layer.dropout = share
        else:
            continue
        count += 1
    if not count:
        raise ConfigError(
            f"dropout {share:g} was asked for, but this network has no dropout layer",
            hint="leave it out: YOLO networks have no such layer, unless an architecture of your "
            "own has, such as nn.Dropout2d; weight_decay and augmentation work in any network",
        )
    return count
