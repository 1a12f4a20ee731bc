"""What a plug-in, which is a module, lacks of the protocol of its kind."""

from __future__ import annotations

import inspect
from typing import Any


def find_lacking(module: object, protocol: type) -> list[str]:
    """Return what is missing or has another signature than the protocol says."""
    wanted = [*get_attributes(protocol), *get_functions(protocol)]
    problems = [f"has no {name}" for name in wanted if not hasattr(module, name)]
    for name, expected in get_functions(protocol).items():
        function = getattr(module, name, None)
        if function is not None and _parameters(function) != _parameters(expected)[1:]:
            problems.append(f"{name} takes {_parameters(function)}")
    return problems


def get_attributes(protocol: type) -> list[str]:
    """Return the names of the constants that a protocol states."""
    return [name for name in protocol.__annotations__ if not name.startswith("_")]


def get_functions(protocol: type) -> dict[str, Any]:
    """Return the functions that a protocol states, by name."""
    return {
        name: value
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


def _parameters(function: Any) -> list[tuple[str, Any, Any]]:
    """Return name, kind and default of each parameter."""
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in found]
