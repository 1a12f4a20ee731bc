"""``yolokit weights ...``: fetch published weights, check them, carry them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yolokit.cli.command import Command, json_option, options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.checkpoints.lineage import Lineage
    from yolokit.hub.check import FileCheck
    from yolokit.hub.ensure import Obtained
    from yolokit.hub.inventory import Row
    from yolokit.hub.resolve import Target

app = typer.Typer(
    name="weights",
    help="Fetch published weights, check them, carry them elsewhere.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Names from the catalog, or addresses.")
]
RequireHash = Annotated[
    bool, typer.Option("--require-hash", help="Refuse files whose sha256 is not known beforehand.")
]
_PULL = "yolokit.hub.config:PullConfig"
_FRESH = "nothing: its run began with fresh weights"
Json = Annotated[bool, json_option("Print each result as one line of JSON.")]


@app.command("list", cls=Command)
def list_(
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="List only one task: detect, segment, pose, obb, classify."
        ),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="List only one family: yolo26, darknet, torchvision, ..."
        ),
    ] = None,
    installed: Annotated[
        bool, typer.Option("--installed", help="List only what is in the store.")
    ] = False,
    json: Json = False,
) -> None:
    """List published weights, and what else is in the store."""
    import msgspec

    from yolokit.cli.output import emit, emit_json, table
    from yolokit.hub.inventory import list_weights

    rows = list_weights(task=task, family=family, installed=installed)
    if json:
        for row in rows:
            emit_json(msgspec.to_builtins(row))
        return
    head = ("name", "task", "family", "trained on", "size", "hash", "installed")
    emit(table(head, [_cells(row) for row in rows]))


@app.command(cls=Command)
def info(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH|URL", help="Weights, fetched or not.")],
    json: Json = False,
) -> None:
    """Show what is known about one file of weights.

    Where it is published, its hash and where that comes from, whether the file here agrees, and,
    for a checkpoint of your own, the run that made it and what that run started from.
    """
    from yolokit.cli.output import emit_facts, emit_json
    from yolokit.hub.inventory import describe_weights

    target, check = describe_weights(name)
    facts = _facts(target, check)
    if json:
        emit_json(facts)
        return
    if facts["descends_from"] == []:
        facts["descends_from"] = _FRESH
    in_catalog = facts["name"] is not None
    emit_facts({key: fact for key, fact in facts.items() if in_catalog or fact is not None})


@app.command(cls=options_of(_PULL))
def pull(ctx: typer.Context, names: Names, json: Json = False) -> None:
    """Fetch weights into the store.

    Prints the path of each, fetched now or before. Addresses are https://...,
    hf://owner/repo/file@revision or file:///..., and may end in #sha256=DIGITS. An
    interrupted download resumes where it stopped.
    """
    from yolokit.cli.output import emit, emit_json

    for found in _obtain_all(names, ctx.obj):
        if json:
            emit_json(_to_plain(found))
        else:
            emit(f"{found.path}")


@app.command(cls=Command)
def verify(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME|PATH", help="File to check.  [default: all in the store]"),
    ] = None,
    json: Json = False,
) -> None:
    """Check the hashes of what is in the store.

    They are compared with the catalog and weights.lock. The exit code is 4 if a file is not what
    it should be. Nothing is changed.
    """
    from dataclasses import asdict

    from yolokit.cli.output import emit, emit_json, say, table
    from yolokit.errors import WeightsError
    from yolokit.hub.inventory import list_missing, verify_weights
    from yolokit.hub.lockfile import LOCK_NAME
    from yolokit.hub.store import store_dir

    checks = verify_weights(name)
    if json:
        for check in checks:
            emit_json(asdict(check))
    elif checks:
        rows = [(check.file, check.state, check.detail) for check in checks]
        emit(table(("file", "state", "because"), rows))
    missing = list_missing() if name is None else []
    if missing:
        say(f"not here, but in {LOCK_NAME}: {', '.join(missing)} (`yolokit weights pull NAME`)")
    elif not checks:
        say(f"there are no weights in {store_dir('weights').absolute()}")
    wrong = [check.file for check in checks if check.state == "differs"]
    if wrong:
        raise WeightsError(
            f"not what they must be: {', '.join(wrong)}",
            hint="remove a damaged file and pull it again; `yolokit weights info NAME` has both "
            "hashes",
        )


@app.command(cls=Command)
def where() -> None:
    """Print the folder of the store."""
    from yolokit.cli.output import emit
    from yolokit.hub.store import store_dir

    emit(f"{store_dir('weights').absolute()}")


@app.command(cls=options_of(_PULL, {"out": "", "overwrite": "out"}))
def bundle(
    ctx: typer.Context,
    names: Names,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Bundle to write, a .tar.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier bundle.")
    ] = False,
) -> None:
    """Write weights into one tar.

    The tar is uncompressed and holds their hashes, for machines without a network. What is missing
    is fetched first. The same files always make the same bundle.
    """
    from yolokit.cli.output import emit
    from yolokit.hub.bundle import check_bundle_output, write_bundle

    check_bundle_output(out, overwrite=overwrite)
    found = list(_obtain_all(names, ctx.obj))
    write_bundle(found, out, overwrite=overwrite)
    emit(f"{out}")


@app.command("import", cls=Command)
def import_(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="Bundle to read.")],
    require_hash: RequireHash = False,
    json: Json = False,
) -> None:
    """Put a bundle's weights into the store.

    All are verified and imported, or none.
    """
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.cli.progress import show_events
    from yolokit.hub.unbundle import import_bundle

    with show_events() as on_event:
        imported = import_bundle(archive, require_hash=require_hash, on_event=on_event)
    for one in imported:
        if not json:
            there = "was there already, the same" if one.was_there else one.status
            say(f"{one.path.name}: {there}")
            emit(f"{one.path}")
            continue
        facts = {"sha256": one.file.sha256, "status": one.status, "was_there": one.was_there}
        emit_json({"path": str(one.path), **facts})


def _obtain_all(names: list[str], options: dict[str, Any]) -> Iterator[Obtained]:
    """Yield all that can be obtained; then raise one error for all that cannot."""
    from yolokit.cli.output import say
    from yolokit.cli.progress import show_events
    from yolokit.errors import WeightsError
    from yolokit.hub.config import PullConfig
    from yolokit.hub.ensure import pull_weights

    failed = 0
    for name in names:
        try:
            with show_events() as on_event:
                found = pull_weights(PullConfig.build({**options, "name": name}), on_event)
        except WeightsError as error:
            if len(names) == 1:
                raise
            failed += 1
            say(f"failed: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
        else:
            yield found
    if failed:
        raise WeightsError(f"{failed} of {len(names)} could not be obtained")


def _to_plain(found: Obtained) -> dict[str, object]:
    keys = ("name", "path", "sha256", "size_bytes", "url", "status", "fetched")
    return {key: getattr(found, key) for key in keys} | {"path": str(found.path)}


def _cells(row: Row) -> tuple[object, ...]:
    from yolokit.core.plural import describe_size

    size = "-" if row.size_bytes is None else describe_size(row.size_bytes)
    known = (row.task or "-", row.family or "-", row.trained_on or "-")
    return (row.name, *known, size, row.hash, "yes" if row.installed else "-")


def _facts(target: Target, check: FileCheck | None) -> dict[str, str | int | list[str] | None]:
    from yolokit.checkpoints.lineage import read_lineage
    from yolokit.hub.catalog import find_entry
    from yolokit.hub.urls import public_url

    entry = find_entry(target.entry.name) if target.entry else None
    lineage = read_lineage(target.path, check.sha256) if check else None
    return {
        "name": entry.name if entry else None,
        "file": target.path.name,
        "task": entry.task if entry else None,
        "family": entry.family if entry else None,
        "scale": entry.scale if entry else None,
        "trained_on": entry.kind if entry else None,
        "license": entry.license if entry else None,
        "published_at": [public_url(url) for url in target.published_at] or None,
        "size_bytes": check.size_bytes if check else target.wanted.size_bytes,
        "sha256_known": target.known_sha256 or target.wanted.sha256_prefix,
        "hash_source": _describe_hash(target),
        "installed": str(target.path) if check else None,
        "sha256_here": check.sha256 if check else None,
        "saved_by": _describe_run(lineage) if check else None,
        "descends_from": lineage.ancestors if lineage else None,
        "state": f"{check.state}: {check.detail}" if check else "not here",
    }


def _describe_hash(target: Target) -> str | None:
    """Say who states the hash that is known."""
    from yolokit.hub.lockfile import LOCK_NAME

    if target.entry is not None and (target.entry.sha256 or target.entry.sha256_prefix):
        return target.entry.hash_source
    return f"{LOCK_NAME} ({target.locked.hash_from})" if target.locked else None


def _describe_run(lineage: Lineage | None) -> str:
    """Say which run saved a file, and who says so."""
    if lineage is None:
        return "no run that is known: neither the file nor a run.json beside it names one"
    run = f"run {lineage.run}" if lineage.run else "a run"
    if lineage.stated_by == "run.json":
        return f"{run}: the run.json beside it states this file's hash"
    return f"{run}: the file itself says so, and no run.json beside it states its hash"
