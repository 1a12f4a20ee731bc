"""The job ``data get``: a public data set, fetched, unpacked and converted."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import yaml

from yolokit.convert.archive import content_root, unpack
from yolokit.convert.config import ConvertConfig
from yolokit.convert.earlier import LEDGER_FILE
from yolokit.convert.job import ConvertResult, convert
from yolokit.core.plural import counted
from yolokit.errors import ConfigError, DataError
from yolokit.files.atomic import scratch_folder
from yolokit.hub.archives import obtain_archive
from yolokit.hub.catalog import DatasetCard, load_card
from yolokit.hub.store import store_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yolokit.hub.ensure import Obtained

Download: TypeAlias = "AbstractContextManager[Callable[[int, int | None], None]]"

_OPTION = re.compile(r"--[a-z][a-z-]*")
_OWN_OPTIONS = frozenset({"--task", "--to", "--split", "--sample", "--max-drop", "--allow"})

OPTIONS = ("task", "to_format", "split", "sample", "max_drop", "allow")
"""The options of a conversion that a known set leaves open."""


class GetResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of getting a data set.

    Attributes:
        name: Of the set.
        out: Where it is.
        conversion: What was converted; None where the set was there already.
        archives: Path of each archive, kept or not, and its sha256.
    """

    name: str
    out: Path
    conversion: ConvertResult | None = None
    archives: dict[str, str] = {}


def get_dataset(
    name: str,
    out: Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    keep_archive: bool = False,
    offline: bool | None = None,
    require_hash: bool = False,
    on_notice: Callable[[str], None] = lambda _text: None,
    on_download: Callable[[str], Download] = lambda _file: nullcontext(lambda _done, _total: None),
    on_start: Callable[[str, int | None], None] = lambda _stage, _total: None,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> GetResult:
    """Fetch a public data set and convert it; its folder appears whole or not at all.

    What has arrived of an archive stays when this is interrupted, and the next call continues
    there. Archives that this call fetched are removed once the set is made.

    Args:
        name: A card of the catalog.
        out: The folder to make; None for one of the set's name in the store.
        options: Any of :data:`OPTIONS`, as :class:`ConvertConfig` has them.
        overwrite: Replace ``out`` if it is an earlier conversion.
        keep_archive: Leave the archives in the store.
        offline: Open no connection; None asks the environment (``YOLOKIT_OFFLINE``).
        require_hash: Refuse an archive that has no hash yet, before any connection is opened.
        on_notice: Takes sentences for people.
        on_download: Opens a bar for an archive; takes the bytes so far and in total, or None.
        on_start: Called as a stage of the conversion begins.
        on_progress: Called with the number of images done in this stage.

    Raises:
        ConfigError: An option is wrong or does not fit the set.
        DataError: There is no such set; an archive could not be fetched, is not what it must be,
            is hostile or is damaged; or the set in it is broken.
        OutputExistsError: ``out`` exists and is not a set that was made with the same options.
    """
    card = load_card(name)
    folder = (out or store_dir("datasets") / name).absolute()
    given = {key: value for key, value in (options or {}).items() if value is not None}
    if not given and not overwrite and (folder / LEDGER_FILE).is_file():
        on_notice(f"{name} is there already; --overwrite makes it anew")
        return GetResult(name=name, out=folder)
    values = _convert_options(card, given) | {"out": folder, "overwrite": overwrite}
    ConvertConfig.build(
        values | {"sources": ()}
    )  # mistakes are reported before anything is fetched
    for sentence in describe(card):
        on_notice(sentence)
    archives = []
    for archive in card.archives:
        with on_download(archive.file) as show:
            found = obtain_archive(
                card,
                archive,
                offline=offline,
                require_hash=require_hash,
                on_notice=on_notice,
                on_progress=show,
            )
        archives.append(found)
    result = _convert(card, archives, values, on_start, on_progress)
    if not keep_archive:
        _remove_fetched(archives, on_notice)
    hashes = {str(found.path): found.sha256 for found in archives}
    return GetResult(name=name, out=folder, conversion=result, archives=hashes)


def describe(card: DatasetCard) -> list[str]:
    """Say what one should know before a set is fetched: how much it is, its terms, its note."""
    files = counted(len(card.archives), "archive")
    lines = [f"{card.name}: {card.title}; {files}, {card.describe_size()}; terms: {card.terms}"]
    return lines + ([f"note: {card.note}"] if card.note else [])


def _convert_options(card: DatasetCard, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the card and the user say of the conversion.

    Raises:
        ConfigError: There is no such option, or the set has no labels for the task.
    """
    unknown = sorted(set(given) - set(OPTIONS))
    if unknown:
        raise ConfigError(
            f"no options of a known data set: {', '.join(unknown)}",
            hint=f"the known ones are {', '.join(OPTIONS)}; `yolokit data convert` has all others",
        )
    task = given.get("task", card.tasks[0])
    if task not in card.tasks:
        raise ConfigError(f"task: {card.name} has labels for {', '.join(card.tasks)}, not {task!r}")
    told = {"task": task, "from_format": card.format, "assume": card.assume}
    return {"split": card.split, **given, **told}


def _convert(
    card: DatasetCard,
    archives: list[Obtained],
    values: Mapping[str, Any],
    on_start: Callable[[str, int | None], None],
    on_progress: Callable[[int], None],
) -> ConvertResult:
    """Unpack and convert, beside the folder that is made, on the same disk."""
    out = values["out"]
    with scratch_folder(out.with_name(f"{out.name}-archives")) as scratch:
        root = _lay_out(card, archives, scratch, on_start)
        config = ConvertConfig.build({**values, **_find_sources(card, root)})
        try:
            return convert(
                config, on_start=on_start, on_progress=on_progress, shown_as={root: card.name}
            )
        except DataError as error:
            error.hint = _for_get(error.hint)
            raise


def _for_get(hint: str | None) -> str | None:
    """Return the hint of a conversion; options that only `data convert` has are called that."""
    if hint is None or set(_OPTION.findall(hint)) <= _OWN_OPTIONS:
        return hint
    return f"keep the archive with --keep-archive, and use `yolokit data convert` on it: {hint}"


def _lay_out(
    card: DatasetCard,
    archives: list[Obtained],
    scratch: Path,
    on_start: Callable[[str, int | None], None],
) -> Path:
    """Unpack all archives as the card says; return the folder that has the set.

    Raises:
        DataError: One is hostile or damaged.
    """
    for archive, found in zip(card.archives, archives, strict=True):
        on_start(f"unpacking {archive.file}", None)
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
    """Return where the conversion finds annotations and images.

    Raises:
        DataError: The archives do not hold what the card says.
    """
    places = [*card.sources, *([card.images] if card.images is not None else [])]
    for place in places:
        if not (root / place).exists():
            raise DataError(
                f"the archives of {card.name} do not hold {place!r}",
                hint="its publisher has changed it; `yolokit data convert` reads it by hand",
            )
    images = root / card.images if card.images is not None else None
    return {"sources": tuple(root / source for source in card.sources), "images": images}


def _remove_fetched(archives: list[Obtained], on_notice: Callable[[str], None]) -> None:
    """Remove the archives that were fetched just now; what was there before is somebody's."""
    for found in archives:
        if not found.fetched:
            on_notice(f"{os.path.relpath(found.path)} was there before and is kept")
            continue
        try:
            found.path.unlink()
        except OSError as error:
            on_notice(f"{found.path} could not be removed: {error.strerror}")
