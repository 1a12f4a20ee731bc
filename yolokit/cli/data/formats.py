"""``yolokit data formats``: what can be read and written, and how each is recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option
from yolokit.core.task import Task

if TYPE_CHECKING:
    from yolokit.formats.toolkit.plugin import Format


def formats(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Format to show with its conventions.  [default: all]"),
    ] = None,
    json: Annotated[bool, json_option("Print one line of JSON for each format.")] = False,
) -> None:
    """List the annotation formats.

    What each reads and writes, and how it is recognised.

    With a NAME, also the conventions that --assume can state for it.
    """
    from yolokit.cli.output import emit, emit_json, table
    from yolokit.convert.findings import CODES
    from yolokit.formats.toolkit.plugin import list_formats, load_format, writable_tasks

    names = list_formats() if name is None else (name,)
    found = {one: load_format(one) for one in names}
    if json:
        for one, module in found.items():
            emit_json(_to_plain(one, module, writable_tasks(one)))
        return
    if name is not None:
        emit(_describe(name, found[name], writable_tasks(name)))
        return
    rows = [
        (one, _letters(module.READS), _letters(writable_tasks(one)), module.RECOGNISED_BY)
        for one, module in found.items()
    ]
    emit(table(("name", "reads", "writes", "recognised by"), rows))
    emit("\nd detect, s segment, p pose, o oriented (obb); `yolokit data formats NAME` shows more")
    emit("\nWhat cannot be right is refused, unless --allow CODE says that it is:\n")
    emit(table(("code", "what was found"), list(CODES.items())))


def _letters(tasks: tuple[str, ...]) -> str:
    """Return tasks as their first letters, each in its place."""
    order = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
    return "".join(task[0] if task in tasks else "-" for task in order)


def _to_plain(name: str, module: Format, writes: tuple[str, ...]) -> dict[str, object]:
    return {
        "name": name,
        "title": module.TITLE,
        "reads": list(module.READS),
        "writes": list(writes),
        "recognised_by": module.RECOGNISED_BY,
        "assume": {key: list(values) for key, values in module.ASSUME.items()},
    }


def _describe(name: str, module: Format, writes: tuple[str, ...]) -> str:
    from yolokit.convert.option_checks import SHARED

    lines = [
        f"{name}: {module.TITLE}",
        f"  reads          {', '.join(module.READS)}",
        f"  writes         {', '.join(writes) or 'not written'}",
        f"  recognised by  {module.RECOGNISED_BY}",
    ]
    for key, (default, *others) in {**module.ASSUME, **SHARED}.items():
        lines.append(f"  --assume       {key}={default} (default), {', '.join(others)}")
    notes = (module.__doc__ or "").strip().splitlines()
    lines += ["", *(f"  {line}".rstrip() for line in notes)]
    return "\n".join(lines)
