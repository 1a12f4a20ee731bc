"""The options of ``yolokit data check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta

from yolokit.convert.config import Assume, FromFormat, Images
from yolokit.core.config import AUTO, Config, exists
from yolokit.core.options import AnyPath, Argument, Option, Texts
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Source(Config, frozen=True):
    source: Annotated[
        AnyPath,
        Argument("A data.yaml, its folder, or annotations of any format: file, folder or archive.",
                 "PATH"),
    ]  # fmt: skip


class CheckConfig(_Source, frozen=True, kw_only=True):
    """What is checked, and what becomes of what is found."""

    JOB: ClassVar[str] = "data check"

    report: Annotated[
        AnyPath | None, Option("Write a page (.html) that shows what was found.", "FILE")
    ] = None
    overwrite: Annotated[bool, Option("Replace an earlier FILE.")] = False
    fail_on: Annotated[
        Literal["error", "warning"],
        Option("Exit with 3 if anything as serious is found.", "error|warning"),
    ] = "error"
    allow: Annotated[
        Texts,
        Option("Do not fail because of this code, unless it is an error. Repeatable.", "CODE"),
    ] = ()
    labels_only: Annotated[bool, Option("Look at labels alone; no image is read.")] = False
    imgsz: Annotated[
        Annotated[int, Meta(ge=32)], Option("Resolution of the training that is planned.", "PX")
    ] = 640
    model: Annotated[
        AnyPath | None,
        Option("Let this ONNX model look for labels that may be wrong or missing.", "FILE"),
    ] = None
    from_format: FromFormat = AUTO
    images: Images = None
    assume: Assume = ()

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check what has to be known: formats and conventions."""
        from yolokit.convert.option_checks import find_reading_problems

        problems = find_reading_problems(values)
        if values["model"] is not None and values["labels_only"]:
            problems.append("model and labels_only: a model has to look at the images")
        page = values["report"]
        if page is not None and page.suffix.lower() not in (".html", ".htm"):
            problems.append(f"report: must end in .html, not {page.name!r}")
        return problems

    @classmethod
    def build(cls, values: Mapping[str, Any]) -> Self:
        """Check options and put them together.

        Raises:
            ConfigError: Anything is wrong; all mistakes are listed.
            DataError: The options are right, but the source is not a file or folder.
        """
        config = super().build(values)
        require_source(Path(config.source))
        return config


def require_source(source: Path) -> None:
    """Refuse what cannot be a source.

    Raises:
        DataError: It is not there, or not a file or folder.
    """
    if not exists(source):
        raise DataError("there is no such file or folder", path=source, hint=_hint_at(source))
    if not (source.is_file() or source.is_dir()):  # reading a pipe may never end
        raise DataError("this is a pipe or a device, not a file or folder", path=source)


def _hint_at(source: Path) -> str | None:
    """Return how to get a public data set, where one is called so."""
    from yolokit.hub.catalog import list_dataset_names

    name = str(source)
    return f"`yolokit data get {name}` fetches it" if name in list_dataset_names() else None
