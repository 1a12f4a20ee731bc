"""The local stores: ``./datasets`` and ``./weights``, else the platform's data folder."""

from __future__ import annotations

import os
from pathlib import Path

from yolokit.core.suggest import nearest
from yolokit.errors import WeightsError
from yolokit.hub.catalog import find_entry

HOME_VARIABLE = "YOLOKIT_HOME"


def store_dir(kind: str) -> Path:
    """Return the folder where files of this kind are stored.

    ``YOLOKIT_HOME`` decides where it is set; else a folder of that name in the working folder;
    else the platform's folder for a user's data.

    Args:
        kind: ``datasets`` or ``weights``.
    """
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser() / kind
    local = Path.cwd() / kind
    if local.is_dir():
        return local
    from platformdirs import user_data_path

    return user_data_path("yolokit", appauthor=False) / kind


def find_weights(name: str) -> Path:
    """Return the absolute path of weights given by path or by name; nothing is fetched.

    Raises:
        WeightsError: They are nowhere; the message lists where they were looked for.
    """
    found = locate_weights(name)
    if found is None:
        raise no_weights(name)
    return found.resolve()


def locate_weights(name: str) -> Path | None:
    """Return where weights are, given by path or by name, or None; links are not followed.

    Raises:
        WeightsError: The system cannot look there.
    """
    try:
        return next((place.absolute() for place in _places(name) if place.is_file()), None)
    except OSError as error:
        raise WeightsError(f"no weights {name!r}: {error.strerror}") from error


def no_weights(name: str) -> WeightsError:
    """Return the error for weights that are nowhere: it lists where they were looked for."""
    looked = _places(name)
    # What is there nevertheless is a folder, a pipe or a device.
    places = ", ".join(
        f"{place.absolute()}{' (which is not a file)' if place.exists() else ''}"
        for place in looked
    )
    return WeightsError(f"no weights {name!r}: looked for {places}", hint=_hint(name, looked[-1]))


def _places(name: str) -> list[Path]:
    """Return where weights of this name may be, in the order in which they are looked for."""
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise WeightsError(f"no weights {name!r}: {error}") from error
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
