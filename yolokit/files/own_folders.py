"""Where lies what yolokit keeps for itself: what can be made again, and what cannot.

``YOLOKIT_HOME`` decides where it is set; else these are the platform's folders for a user's caches
and data.
"""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "YOLOKIT_HOME"
NO_CACHE_VARIABLE = "YOLOKIT_NO_CACHE"


def cache_dir(kind: str) -> Path | None:
    """Return the folder of what can be made again, such as compiled models.

    None where the user wants none of it: ``YOLOKIT_NO_CACHE=1``.
    """
    if os.environ.get(NO_CACHE_VARIABLE, "").strip().lower() in ("1", "true", "yes", "on"):
        return None
    home = _home()
    if home is not None:
        return home / "cache" / kind
    from platformdirs import user_cache_path

    return user_cache_path("yolokit", appauthor=False) / kind


def data_dir(kind: str) -> Path:
    """Return the folder of what cannot be made again at no cost, such as ``profiles``."""
    home = _home()
    if home is not None:
        return home / kind
    from platformdirs import user_data_path

    return user_data_path("yolokit", appauthor=False) / kind


def _home() -> Path | None:
    home = os.environ.get(HOME_VARIABLE)
    return Path(home).expanduser() if home else None
