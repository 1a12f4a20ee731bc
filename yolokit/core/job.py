"""The seam of the jobs, and how each becomes a function of the Python API.

A job is ``run(config, on_event) -> result``. The config states each option once
(``core/options.py``), the events are one small set (``core/events.py``), and the result is a
record. The command line and the Python API are thin: they build the config and show the events.
"""

from __future__ import annotations

import inspect
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, get_args

from yolokit.core.events import OnEvent, ignore
from yolokit.core.options import list_settings

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")
Values: TypeAlias = dict[str, Any]


def function_of(
    call: Callable[P, object],
) -> Callable[[Callable[[Values, OnEvent], R]], Callable[P, R]]:
    """Make a function that has the parameters of a config, for type checkers and editors too.

    Args:
        call: A config that has ``on_event`` beside its options, and what else the function takes.

    Returns:
        A decorator for a function of two parameters: the values that were given, not yet checked
        and with unknown names among them, and what takes the events.
    """
    signature = inspect.signature(call)

    def decorate(run: Callable[[Values, OnEvent], R]) -> Callable[P, R]:
        def function(*args: P.args, **kwargs: P.kwargs) -> R:
            known = {name: one for name, one in kwargs.items() if name in signature.parameters}
            values: Values = {**kwargs, **signature.bind_partial(*args, **known).arguments}
            on_event = values.pop("on_event", None)
            return run(values, on_event or ignore)

        update_wrapper(function, run, assigned=("__module__", "__name__", "__qualname__"))
        function.__doc__ = _describe(run.__doc__ or "", call)
        function.__annotations__ = {}
        function.__signature__ = _strip(signature)  # type: ignore[attr-defined]
        return function

    return decorate


def _strip(signature: inspect.Signature) -> inspect.Signature:
    """Leave out what annotations state beside types."""
    parameters = [
        one.replace(annotation=(get_args(one.annotation) or [one.annotation])[0])
        if hasattr(one.annotation, "__metadata__")
        else one
        for one in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters)


def _describe(doc: str, call: Any) -> str:
    """Return a docstring with the help of each option."""
    lines = [f"    {one.name}: {one.option.help}" for one in list_settings(call)]
    return "\n".join([inspect.cleandoc(doc), "", "Args:", *lines])
