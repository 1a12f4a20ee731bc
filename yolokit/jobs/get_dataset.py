"""The job ``data get``: a public data set, fetched, unpacked and converted."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from yolokit.convert.archive import content_root, unpack
from yolokit.convert.config import ConvertConfig
from yolokit.convert.earlier import LEDGER_FILE
from yolokit.convert.job import ConvertResult, convert
from yolokit.core.events import Notice, Progress, ignore
from yolokit.core.plural import counted
from yolokit.errors import ConfigError, DataError
from yolokit.files.atomic import scratch_folder
from yolokit.hub.archives import obtain_archive
from yolokit.hub.catalog import load_card
from yolokit.hub.store import store_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.events import OnEvent
    from yolokit.hub.catalog import DatasetCard
    from yolokit.hub.ensure import Obtained
    from yolokit.jobs.config import GetConfig

_OPTION = re.compile(r"--[a-z][a-z-]*")
_OWN_OPTIONS = frozenset({"--task", "--to", "--split", "--sample", "--max-drop", "--allow"})


class GetResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of getting a data set.

    ``conversion`` is None where the set was there already; ``archives`` has the path of each
    archive, kept or not, and its sha256.
    """

    name: str
    out: Path
    conversion: ConvertResult | None = None
    archives: dict[str, str] = {}


def get_dataset(config: GetConfig, on_event: OnEvent = ignore) -> GetResult:
    """Fetch a public data set and convert it; its folder appears whole or not at all.

    What has arrived of an archive stays when this is interrupted, and the next call continues
    there. Archives that this call fetched are removed once the set is made.

    Raises:
        ConfigError: An option is wrong or does not fit the set.
        DataError: There is no such set; an archive could not be fetched, is not what it must be,
            is hostile or is damaged; or the set in it is broken.
        OutputExistsError: ``out`` exists and is not a set that was made with the same options.
    """
    name, given = config.name, config.given
    card = load_card(name)
    folder = (Path(config.out) if config.out else store_dir("datasets") / name).absolute()
    if not given and not config.overwrite and (folder / LEDGER_FILE).is_file():
        on_event(Notice(f"{name} is there already; --overwrite makes it anew"))
        return GetResult(name=name, out=folder)
    values = _convert_options(card, given) | {"out": folder, "overwrite": config.overwrite}
    ConvertConfig.build(values | {"source": ()})  # mistakes are told before anything is fetched
    for sentence in describe(card):
        on_event(Notice(sentence))
    archives = [
        obtain_archive(
            card,
            archive,
            offline=config.offline,
            require_hash=config.require_hash,
            on_event=on_event,
        )
        for archive in card.archives
    ]
    result = _convert(card, archives, values, on_event)
    if not config.keep_archive:
        _remove_fetched(archives, on_event)
    hashes = {str(found.path): found.sha256 for found in archives}
    return GetResult(name=name, out=folder, conversion=result, archives=hashes)


def describe(card: DatasetCard) -> list[str]:
    """Say what one should know before a set is fetched: how much it is, its terms, its note."""
    files = counted(len(card.archives), "archive")
    lines = [f"{card.name}: {card.title}; {files}, {card.describe_size()}; terms: {card.terms}"]
    return lines + ([f"note: {card.note}"] if card.note else [])


def _convert_options(card: DatasetCard, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the card and the user say of the conversion."""
    task = given.get("task", card.tasks[0])
    if task not in card.tasks:
        raise ConfigError(f"task: {card.name} has labels for {', '.join(card.tasks)}, not {task!r}")
    told = {"task": task, "from_format": card.format, "assume": card.assume}
    return {"split": card.split, **given, **told}


def _convert(
    card: DatasetCard, archives: list[Obtained], values: Mapping[str, Any], on_event: OnEvent
) -> ConvertResult:
    """Unpack and convert, beside the folder that is made, on the same disk."""
    out = values["out"]
    with scratch_folder(out.with_name(f"{out.name}-archives")) as scratch:
        root = _lay_out(card, archives, scratch, on_event)
        config = ConvertConfig.build({**values, **_find_sources(card, root)})
        try:
            return convert(config, on_event, shown_as={root: card.name})
        except DataError as error:
            error.hint = _for_get(error.hint)
            raise


def _for_get(hint: str | None) -> str | None:
    """Return the hint of a conversion; options that only `data convert` has are called that."""
    if hint is None or set(_OPTION.findall(hint)) <= _OWN_OPTIONS:
        return hint
    return f"keep the archive with --keep-archive, and use `yolokit data convert` on it: {hint}"


def _lay_out(card: DatasetCard, archives: list[Obtained], scratch: Path, on_event: OnEvent) -> Path:
    """Unpack all archives as the card says; return the folder that has the set."""
    for archive, found in zip(card.archives, archives, strict=True):
        on_event(Progress(f"unpacking {archive.file}", 0, None))
        folder = scratch / archive.into
        folder.mkdir(parents=True, exist_ok=True)
        try:
            unpack(found.path, folder)
        except DataError:
            if found.fetched:  # nobody can use it
                found.path.unlink(missing_ok=True)
            raise
    root = content_root(scratch)
    if card.data_yaml is not None:
        text = yaml.safe_dump(card.data_yaml, sort_keys=False, allow_unicode=True)
        (root / "data.yaml").write_text(text, encoding="utf-8")
    return root


def _find_sources(card: DatasetCard, root: Path) -> dict[str, Any]:
    """Return where the conversion finds annotations and images."""
    places = [*card.sources, *([card.images] if card.images is not None else [])]
    for place in places:
        if not (root / place).exists():
            raise DataError(
                f"the archives of {card.name} do not hold {place!r}",
                hint="its publisher has changed it; `yolokit data convert` reads it by hand",
            )
    images = root / card.images if card.images is not None else None
    return {"source": tuple(root / source for source in card.sources), "images": images}


def _remove_fetched(archives: list[Obtained], on_event: OnEvent) -> None:
    """Remove the archives that were fetched just now; what was there before is somebody's."""
    for found in archives:
        if not found.fetched:
            on_event(Notice(f"{os.path.relpath(found.path)} was there before and is kept"))
            continue
        try:
            found.path.unlink()
        except OSError as error:
            on_event(Notice(f"{found.path} could not be removed: {error.strerror}"))
