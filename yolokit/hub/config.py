"""The options of ``yolokit weights pull``, and those of every download."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from yolokit.core.config import Config
from yolokit.core.options import Option

Offline: TypeAlias = Annotated[
    bool | None, Option("Open no connection, as with YOLOKIT_OFFLINE=1.")
]


class _Name(Config, frozen=True):
    name: str


class PullConfig(_Name, frozen=True, kw_only=True):
    """Which weights are wanted: a name of the catalog or the store, a path, or an address.

    Addresses are ``https:``, ``hf:`` and ``file:``, and may state ``#sha256=DIGITS``. With
    ``offline`` None the environment is asked (``YOLOKIT_OFFLINE``).
    """

    JOB: ClassVar[str] = "weights pull"

    offline: Offline = None
    require_hash: Annotated[bool, Option("Refuse files whose sha256 is not known beforehand.")] = (
        False
    )
