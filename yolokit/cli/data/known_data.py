"""``yolokit data list``, ``data info`` and ``data get``: public data sets by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option
from yolokit.cli.weights import Json
from yolokit.core.task import Task

if TYPE_CHECKING:
    from yolokit.hub.catalog import DatasetCard

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Data set, as `yolokit data list` names it.")
]


def list_(
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="List only one task: detect, segment, pose, obb."),
    ] = None,
    installed: Annotated[
        bool, typer.Option("--installed", help="List only what is in the store.")
    ] = False,
    json: Json = False,
) -> None:
    """List public data sets that `yolokit data get` fetches."""
    from yolokit.cli.output import emit, emit_json, table
    from yolokit.core.suggest import unknown_name
    from yolokit.hub.catalog import list_cards

    cards = list_cards()
    tasks = [one for one in Task if any(one in card.tasks for card in cards)]
    if task is not None and task not in tasks:
        raise unknown_name("task", task, tasks)
    rows = []
    for card in cards:
        here = _is_here(card)
        if (task is not None and task not in card.tasks) or (installed and not here):
            continue
        if json:
            emit_json(_facts(card))
            continue
        images = sum(card.splits.values()) or "-"
        cells = (card.name, " ".join(card.tasks), card.class_count, images, card.describe_size())
        rows.append((*cells, card.terms, "yes" if here else "-"))
    if not json:
        head = ("name", "tasks", "classes", "images", "to fetch", "terms", "installed")
        emit(table(head, rows))


def info(name: Name, json: Json = False) -> None:
    """Show what is known about a public data set.

    What it holds, its terms of use, where it is published, and the hash of each archive with
    where that hash comes from.
    """
    from yolokit.cli.output import emit_facts, emit_json
    from yolokit.hub.catalog import load_card

    facts = _facts(load_card(name))
    if json:
        emit_json(facts)
        return
    emit_facts(facts)


def get(
    ctx: typer.Context,
    json: Annotated[bool, json_option("Print what was made as one line of JSON.")] = False,
) -> None:
    """Fetch a public data set by name, and convert it.

    Prints size and terms first. An interrupted download resumes where it stopped; DIR appears whole
    or not at all. Archives are verified against the catalog and datasets.lock, and removed once
    DIR is made. A set that is there already is left as it is.
    """
    import msgspec

    from yolokit.cli.data.convert import print_result
    from yolokit.cli.output import emit, emit_json
    from yolokit.cli.progress import show_events
    from yolokit.jobs.config import GetConfig
    from yolokit.jobs.get_dataset import get_dataset

    with show_events() as on_event:
        found = get_dataset(GetConfig.build(ctx.obj), on_event)
    if json:
        emit_json(msgspec.to_builtins(found, enc_hook=str))
    elif found.conversion is not None:
        print_result(found.conversion, as_json=False)
    else:
        emit(str(found.out))


def _is_here(card: DatasetCard) -> bool:
    from yolokit.hub.store import store_dir

    return (store_dir("datasets") / card.name / "ledger.jsonl").is_file()


def _facts(card: DatasetCard) -> dict[str, object]:
    import msgspec

    from yolokit.hub.archives import find_archive
    from yolokit.hub.urls import public_url

    archives = []
    for archive in card.archives:
        target = find_archive(card, archive)
        locked = f"datasets.lock ({target.locked.hash_from})" if target.locked else None
        archives.append(
            {
                "file": archive.file,
                "holds": archive.holds,
                "size_bytes": target.wanted.size_bytes,
                "sha256": target.known_sha256,
                "hash_source": archive.hash_source or locked,
                "published_at": [public_url(url) for url in archive.urls],
                "kept": target.path.is_file(),
            }
        )
    plain = msgspec.to_builtins(card)
    keys = ("name", "title", "tasks", "format", "class_count", "splits", "image_license")
    facts = {key: plain[key] for key in (*keys, "label_license", "homepage", "note")}
    return facts | {"to_fetch": card.describe_size(), "archives": archives, "here": _is_here(card)}
