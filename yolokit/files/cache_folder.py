"""Where lies what can be made again: compiled models, for example."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "YOLOKIT_HOME"
NO_CACHE_VARIABLE = "YOLOKIT_NO_CACHE"


def cache_dir(kind: str) -> Path | None:
    """Return the folder for one kind of such files; None where the user wants none.

    ``cache`` in the folder that ``YOLOKIT_HOME`` names, else the platform's folder for caches.
    ``YOLOKIT_NO_CACHE=1`` keeps nothing.
    """
    if os.environ.get(NO_CACHE_VARIABLE, "").strip().lower() in ("1", "true", "yes", "on"):
        return None
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser() / "cache" / kind
    from platformdirs import user_cache_path

    return user_cache_path("yolokit", appauthor=False) / kind
