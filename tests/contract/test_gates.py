"""Every gate that is discovered keeps the same promises."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.protocols import find_lacking, get_attributes, get_functions
from yolokit.core.plugins import list_plugins
from yolokit.errors import GateError
from yolokit.export.config import ExportConfig
from yolokit.export.gates.toolkit import PACKAGE, Gate, GateModule, open_gates

if TYPE_CHECKING:
    from types import ModuleType

GATES = list_plugins(PACKAGE)


@pytest.fixture(params=GATES)
def module(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{request.param}")


def test_there_is_one_that_every_export_must_pass() -> None:
    config: Any = ExportConfig(weights="best.pt")
    assert "parity" in [gate.name for gate in open_gates(config)]


def test_it_offers_what_its_protocol_says(module: ModuleType) -> None:
    assert find_lacking(module, GateModule) == []
    gate = module.open_gate(ExportConfig(weights="best.pt"))
    if gate is None:
        return
    for name in (*get_attributes(Gate), *get_functions(Gate)):
        assert hasattr(gate, name)
    assert gate.name == module.__name__.rsplit(".", 1)[-1], "its record is called so"
    assert issubclass(gate.error, GateError)
    assert gate.complaint
