"""The options of ``data convert``, checked as a whole before anything is read or written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

from msgspec import Meta

from yolokit.core.config import AUTO, Config, exists
from yolokit.core.options import (
    AnyPath,
    AnyPaths,
    Argument,
    Count,
    Option,
    Texts,
    list_paths,
)
from yolokit.core.task import AnyTask, Task
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.files.outputs import Replacing

# Of other commands as well.
Images: TypeAlias = Annotated[
    AnyPath | None, Option("Where the images are, if not beside the annotations.", "DIR")
]
FromFormat: TypeAlias = Annotated[
    str,
    Option(
        "Format of the source, as `yolokit data formats` lists it, or auto.", "NAME", flag="--from"
    ),
]
Assume: TypeAlias = Annotated[
    Texts,
    Option(
        "A convention of the source, as `yolokit data formats NAME` lists it. Repeatable.",
        "KEY=VALUE",
    ),
]
Sample: TypeAlias = Annotated[
    str | None, Option("Take only this many of the images: 10%, or 500.", "SHARE|N")
]
Allow: TypeAlias = Annotated[
    Texts,
    Option(
        "Go on despite this finding, one of the codes in `yolokit data formats`. Repeatable.",
        "CODE",
    ),
]
Overwrite: TypeAlias = Annotated[bool, Option("Replace an earlier result in DIR.")]


class _SourceAndOut(Config, frozen=True):
    source: Annotated[
        AnyPaths,
        Argument("Annotation files, folders or archives; several become one set.", "SOURCE..."),
    ]
    out: Annotated[AnyPath, Option("Folder to make, unless --name is given.", "DIR", may_lack=True)]


class ConvertConfig(_SourceAndOut, frozen=True, kw_only=True):
    """What is converted, and how."""

    JOB: ClassVar[str] = "data convert"

    images: Images = None
    from_format: FromFormat = AUTO
    to_format: Annotated[
        str, Option("Format to write, as `yolokit data formats` lists it.", "NAME", flag="--to")
    ] = "yolo"
    task: Annotated[AnyTask, Option("What the labels become.", "detect|segment|pose|obb")] = (
        Task.DETECT
    )
    boxes_as_outlines: Annotated[
        bool, Option("Make outlines or rotated boxes of plain boxes too.")
    ] = False
    maps: Annotated[
        Texts, Option("Rename or merge classes. Repeatable.", "OLD,OLD=NEW", flag="--map")
    ] = ()
    keep: Annotated[Texts, Option("Keep only these classes.", "NAME,...")] = ()
    drop: Annotated[Texts, Option("Leave these classes out.", "NAME,...")] = ()
    min_area: Annotated[
        str | None, Option("Leave smaller labels out: square px, or 0.1%.", "PX|SHARE")
    ] = None
    max_area: Annotated[str | None, Option("Leave larger labels out.", "PX|SHARE")] = None
    sample: Sample = None
    tile: Annotated[
        Annotated[int, Meta(ge=16)] | None,
        Option("Cut larger images into tiles of this side.", "PX"),
    ] = None
    tile_overlap: Annotated[
        float, Meta(ge=0, lt=1), Option("What a tile shares with the next one.", "SHARE")
    ] = 0.2
    min_visible: Annotated[
        float, Meta(gt=0, le=1), Option("What a tile must show of a label to keep it.", "SHARE")
    ] = 0.3
    split: Annotated[
        str,
        Option(
            "Splits to write: auto keeps those of the source, or makes 0.8,0.1,0.1.",
            "auto|keep|SHARES",
        ),
    ] = "auto"
    group: Annotated[
        str | None,
        Option("What must stay together in one split.", "folder|video|near-duplicate|re:PATTERN"),
    ] = None
    folds: Annotated[
        Annotated[int, Meta(ge=2, le=100)] | None,
        Option("Make K folds, each with a YAML of its own.", "K"),
    ] = None
    seed: Annotated[Count, Option("Seed of the splits and samples that are made.", "N")] = 0
    link: Annotated[
        Literal["copy", "hardlink", "symlink"],
        Option("How images get into the set.", "copy|hardlink|symlink"),
    ] = "copy"
    labels_only: Annotated[bool, Option("Write labels alone; no image is read or written.")] = False
    max_drop: Annotated[str, Option("Fail if more annotations are dropped.", "SHARE|N")] = "0.5%"
    assume: Assume = ()
    allow: Allow = ()
    overwrite: Overwrite = False
    mend: bool = False  # what `data fix` is for

    @property
    def sources(self) -> tuple[Path, ...]:
        """The sources, one or several."""
        return tuple(map(Path, list_paths(self.source)))

    @property
    def folder(self) -> Path:
        """The folder that is made."""
        return Path(self.out)

    @property
    def exif(self) -> str:
        """Which image labels were drawn on where one has an EXIF orientation."""
        from yolokit.formats.toolkit.locate import EXIF

        stated = [text.partition("=")[2] for text in self.assume if text.startswith("exif=")]
        return stated[-1] if stated else EXIF[0]

    @property
    def replacing(self) -> Replacing:
        """What may be replaced: an earlier conversion, and nothing that is read."""
        from yolokit.convert.earlier import CONVERTED
        from yolokit.files.outputs import Replacing

        keep = (*self.sources, *([Path(self.images)] if self.images else []))
        return Replacing(result=CONVERTED, wanted=self.overwrite, keep=keep)

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        from yolokit.convert.option_checks import find_problems

        return find_problems(values)

    @classmethod
    def build(cls, values: Mapping[str, Any]) -> Self:
        """Check options and put them together.

        Raises:
            ConfigError: Anything is wrong; all mistakes are listed.
            OutputExistsError: Nothing else is wrong, but ``out`` exists and is not replaced.
            DataError: The options are right, but a source is not a file or folder.
        """
        from yolokit.files.outputs import check_output

        config = super().build(values)
        for source in config.sources:
            if not exists(source):
                raise DataError("there is no such file or folder", path=source)
            if not (source.is_file() or source.is_dir()):  # reading a pipe may never end
                raise DataError("this is a pipe or a device, not a file or folder", path=source)
        check_output(config.folder, config.replacing)
        return config
