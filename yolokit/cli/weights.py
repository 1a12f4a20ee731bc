"""``yolokit weights ...``: fetch published weights, check them, carry them elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from yolokit.hub.obtain import ObtainedWeights

app = typer.Typer(
    name="weights",
    help="Fetch published weights, check them, carry them elsewhere.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Of the catalog, or addresses.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Open no connection.")]
RequireHash = Annotated[
    bool, typer.Option("--require-hash", help="Refuse what has no full hash beforehand.")
]
Json = Annotated[bool, typer.Option("--json", help="Print each result as one line of JSON.")]


@app.command()
def pull(
    names: Names,
    offline: Offline = False,
    require_hash: RequireHash = False,
    json: Json = False,
) -> None:
    """Fetch weights into the store, by name or by address, and print where they are.

    Addresses are https://..., hf://owner/repo/file@revision or file:///..., and may end in
    #sha256=DIGITS. Whatever is interrupted goes on where it stopped.
    """
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.errors import WeightsError

    failures: list[WeightsError] = []
    for name in names:
        try:
            found = obtain(name, offline=offline, require_hash=require_hash)
        except WeightsError as error:
            failures.append(error)
            if len(names) > 1:
                say(f"failed: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
            continue
        if json:
            emit_json(to_plain(found))
        else:
            emit(f"{found.path}")
    if failures and len(names) == 1:
        raise failures[0]
    if failures:
        raise WeightsError(f"{len(failures)} of {len(names)} could not be fetched")


def obtain(name: str, *, offline: bool, require_hash: bool = False) -> ObtainedWeights:
    """Obtain one file of weights, with a bar while it is fetched and words on stderr."""
    from yolokit.cli.output import download_progress, say
    from yolokit.hub.obtain import obtain_weights

    with download_progress(name) as show:
        return obtain_weights(
            name,
            offline=offline or None,
            require_hash=require_hash,
            on_notice=say,
            on_progress=show,
        )


def to_plain(found: ObtainedWeights) -> dict[str, object]:
    """Return a result as JSON has it."""
    return {
        "name": found.name,
        "path": str(found.path),
        "sha256": found.sha256,
        "size_bytes": found.size_bytes,
        "url": found.url,
        "status": found.status,
        "fetched": found.fetched,
    }
