"""The local stores: ``./datasets`` and ``./weights``, else the platform's data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from yolokit.core.suggest import nearest
from yolokit.errors import FetchError
from yolokit.files.own_folders import HOME_VARIABLE, data_dir
from yolokit.hub.catalog import find_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """One kind of files that are fetched, locked and kept.

    Attributes:
        kind: Name of the store, see :func:`store_dir`.
        folder: Where in the store the files lie; empty for the store itself.
        lock_name: The store's lock file.
        mirror_variable: What names mirrors in the environment.
        carry: How to carry one to a machine without a network; ``{name}`` is what was asked for.
        most_bytes: Larger than any of them.
    """

    kind: str
    folder: str
    lock_name: str
    mirror_variable: str
    carry: str
    most_bytes: int


WEIGHTS = Stock(
    kind="weights",
    folder="",
    lock_name="weights.lock",
    mirror_variable="YOLOKIT_WEIGHTS_MIRROR",
    carry="on a machine with a network: `yolokit weights bundle {name} --out w.tar`; "
    "here: `yolokit weights import w.tar`",
    most_bytes=4 << 30,  # the largest of the catalog has a tenth of it
)
ARCHIVES = Stock(
    kind="datasets",
    folder=".archives",
    lock_name="datasets.lock",
    mirror_variable="YOLOKIT_DATA_MIRROR",
    carry="on a machine with a network: `yolokit data get {name} --keep-archive`; then copy the "
    "archives of its datasets/.archives to the same folder here",
    most_bytes=200 << 30,
)


def store_dir(kind: str) -> Path:
    """Return the folder where files of a kind, ``datasets`` or ``weights``, are stored.

    ``YOLOKIT_HOME`` decides where it is set; else a folder of that name in the working folder;
    else the platform's folder for a user's data.
    """
    local = Path.cwd() / kind
    if local.is_dir() and not os.environ.get(HOME_VARIABLE):
        return local
    return data_dir(kind)


def locate_weights(name: str) -> Path | None:
    """Return where weights are, given by path or by name, or None; links are not followed.

    Raises:
        FetchError: The system cannot look there.
    """
    try:
        return next((place.absolute() for place in _places(name) if place.is_file()), None)
    except OSError as error:
        raise FetchError(f"no weights {name!r}: {error.strerror}") from error


def no_weights(name: str) -> FetchError:
    """Return the error for weights that are nowhere: it lists where they were looked for."""
    looked = _places(name)
    # What is there nevertheless is a folder, a pipe or a device.
    places = ", ".join(
        f"{place.absolute()}{' (which is not a file)' if place.exists() else ''}"
        for place in looked
    )
    return FetchError(f"no weights {name!r}: looked for {places}", hint=_hint(name, looked[-1]))


def _places(name: str) -> list[Path]:
    """Return where weights of this name may be, in the order in which they are looked for."""
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise FetchError(f"no weights {name!r}: {error}") from error
    places = [path]
    if path.name == name:
        store = store_dir("weights")
        places.append(store / name if path.suffix else store / f"{name}.pt")
        entry = find_entry(name)
        if entry is not None and store / entry.file not in places:
            places.append(store / entry.file)
    return places


def _hint(name: str, wanted: Path) -> str:
    if find_entry(name) is not None:
        return f"`yolokit weights pull {name}` fetches it"
    folder = wanted.parent
    present = sorted(entry.name for entry in folder.glob("*.pt")) if folder.is_dir() else []
    guess = nearest(wanted.name, present)
    advice = [f"did you mean {folder / guess}?"] if guess else []
    return " ".join(advice) or "put the checkpoint there, or give its path"
