"""Plug-ins are modules of a package: their names are listed without importing any of them.

What the plug-ins of a package share is in its ``toolkit``, which is not one of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from yolokit.core.suggest import unknown_name

if TYPE_CHECKING:
    from types import ModuleType


@cache
def list_plugins(package: str) -> tuple[str, ...]:
    """Return the sorted names of the public modules in ``package``, importing none of them."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{package} is not a package")
    found = pkgutil.iter_modules(spec.submodule_search_locations)
    return tuple(sorted(module.name for module in found if _is_plugin(module.name)))


def _is_plugin(name: str) -> bool:
    return not name.startswith("_") and name != "toolkit"


def load_plugin(package: str, name: str, *, kind: str) -> ModuleType:
    """Import one plug-in; ``kind`` is what such a one is called in messages, e.g. ``format``.

    Raises:
        ConfigError: There is no such plug-in; the message suggests the nearest.
    """
    known = list_plugins(package)
    if name not in known:
        raise unknown_name(kind, name, known)
    return importlib.import_module(f"{package}.{name}")
