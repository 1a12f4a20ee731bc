"""Dropout is set where a network has it."""

from __future__ import annotations

import pytest
from torch import nn

from yolokit.engine.network.dropout import set_dropout
from yolokit.errors import ConfigError


def test_all_dropout_layers_are_set() -> None:
    attention = nn.MultiheadAttention(4, 2)
    plain, of_maps = nn.Dropout(0.5), nn.Dropout2d()
    assert set_dropout(nn.Sequential(plain, nn.Sequential(of_maps), attention), 0.2) == 3
    assert [plain.p, of_maps.p, attention.dropout] == [0.2, 0.2, 0.2]


def test_a_network_without_dropout_is_named_so() -> None:
    with pytest.raises(ConfigError, match="this network has no dropout layer"):
        set_dropout(nn.Sequential(nn.Linear(4, 4)), 0.1)
