"""``yolokit doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from yolokit.cli.command import json_option

_MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL", "absent": "-   "}


def doctor(
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Run a small train, export and predict on the GPU.")
    ] = False,
    json: Annotated[bool, json_option("Print findings as lines of JSON.")] = False,
) -> None:
    """Look at this machine: what is there, and what is missing.

    Packages, cores, providers that really load, folders and disk. The exit code is 1 if something
    that every job needs is missing.
    """
    from itertools import chain

    import msgspec

    from yolokit.cli.output import emit, emit_json, say
    from yolokit.jobs.doctor import check_gpu, examine

    failed = False
    for finding in chain(examine(), check_gpu(say) if gpu else ()):
        failed |= finding.state == "fail"
        if json:
            emit_json(msgspec.to_builtins(finding))
            continue
        emit(f"{_MARKS[finding.state]}  {finding.about:<21}  {finding.detail}")
        if finding.advice:
            emit(f"{'':>29}-> {finding.advice}")
    if failed:
        raise typer.Exit(1)
