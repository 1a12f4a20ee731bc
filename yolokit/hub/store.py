"""The local stores: ``./datasets`` and ``./weights``, else the platform's data folder."""

from __future__ import annotations

import os
from pathlib import Path

from yolokit.core.suggest import nearest
from yolokit.errors import WeightsError

HOME_VARIABLE = "YOLOKIT_HOME"


def store_dir(kind: str) -> Path:
    """Return the folder where things of a kind land.

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
    """Return the absolute path of weights given by path or by name.

    Raises:
        WeightsError: They are nowhere; the message says where was looked.
    """
    path = Path(name).expanduser()
    looked = [path]
    if path.name == name:
        store = store_dir("weights")
        looked += [store / name] if path.suffix else [store / f"{name}.pt"]
    for candidate in looked:
        if candidate.is_file():
            return candidate.resolve()
    places = ", ".join(str(place.absolute()) for place in looked)
    raise WeightsError(f"no weights {name!r}: looked for {places}", hint=_hint(looked[-1]))


def _hint(wanted: Path) -> str:
    folder = wanted.parent
    present = sorted(entry.name for entry in folder.glob("*.pt")) if folder.is_dir() else []
    guess = nearest(wanted.name, present)
    if guess:
        return f"did you mean {folder / guess}?"
    return "put the checkpoint there, or give its path; `--weights none` starts from scratch"
