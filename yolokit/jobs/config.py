"""The options of ``yolokit data get``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from yolokit.convert.config import Allow, ConvertConfig, Overwrite, Sample
from yolokit.core.config import Config
from yolokit.core.options import AnyPath, Argument, Option
from yolokit.hub.config import Offline

OPEN = ("task", "to_format", "split", "sample", "max_drop", "allow")
"""The options of a conversion that a known set leaves open."""


class _NameAndOut(Config, frozen=True):
    name: Annotated[str, Argument("Data set, as `yolokit data list` names it.", "NAME")]
    out: Annotated[
        AnyPath | None, Option("Folder to make.", "DIR", default="NAME in the store")
    ] = None


class GetConfig(_NameAndOut, frozen=True, kw_only=True):
    """Which public data set is wanted, and what becomes of it.

    What is None is as the set is published; with ``offline`` None the environment is asked
    (``YOLOKIT_OFFLINE``).
    """

    JOB: ClassVar[str] = "data get"
    FOREIGN: ClassVar[Mapping[str, str]] = MappingProxyType(
        dict.fromkeys(
            set(ConvertConfig.__struct_fields__) - {*OPEN, "out", "overwrite"},
            "is left to the set; `yolokit data convert` has this option",
        )
    )

    task: Annotated[
        str | None,
        Option("What the labels become.", "detect|segment|pose|obb", default="the set's first"),
    ] = None
    to_format: Annotated[
        str | None,
        Option(
            "Format to write, as `yolokit data formats` lists it.",
            "NAME",
            flag="--to",
            default="yolo",
        ),
    ] = None
    split: Annotated[
        str | None,
        Option(
            "Keep the set's own splits, or make some.",
            "auto|keep|SHARES",
            default="as the set is published",
        ),
    ] = None
    sample: Sample = None
    max_drop: Annotated[
        str | None, Option("Fail if more annotations are dropped.", "SHARE|N", default="0.5%")
    ] = None
    allow: Allow = ()
    keep_archive: Annotated[bool, Option("Keep what was fetched in the store.")] = False
    overwrite: Overwrite = False
    offline: Offline = None
    require_hash: Annotated[
        bool, Option("Refuse archives whose sha256 is not known beforehand.")
    ] = False

    @property
    def given(self) -> dict[str, Any]:
        """The options of the conversion that are stated."""
        values = {name: getattr(self, name) for name in OPEN}
        return {name: value for name, value in values.items() if value not in (None, ())}
