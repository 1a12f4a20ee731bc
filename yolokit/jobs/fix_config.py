"""The options of ``yolokit data fix``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from yolokit.convert.config import Allow, Assume, FromFormat, Images, Overwrite
from yolokit.core.config import AUTO, Config
from yolokit.core.options import AnyPath, Argument, Option
from yolokit.core.task import AnyTask


class _SourceAndOut(Config, frozen=True):
    source: Annotated[
        AnyPath, Argument("Data set: a folder, an annotation file, or an archive.", "SOURCE")
    ]
    out: Annotated[AnyPath, Option("Folder to make, unless --name is given.", "DIR", may_lack=True)]


class FixConfig(_SourceAndOut, frozen=True, kw_only=True):
    """Which data set is mended, and into what."""

    JOB: ClassVar[str] = "data fix"

    images: Images = None
    from_format: FromFormat = AUTO
    task: Annotated[
        AnyTask | None,
        Option("What the labels are.", "detect|segment|pose|obb", default="told from them"),
    ] = None
    link: Annotated[
        Literal["copy", "hardlink", "symlink"],
        Option("How images get into the set.", "copy|hardlink|symlink"),
    ] = "copy"
    max_drop: Annotated[str, Option("Fail if more annotations are dropped.", "SHARE|N")] = "5%"
    assume: Assume = ()
    allow: Allow = ()
    overwrite: Overwrite = False
