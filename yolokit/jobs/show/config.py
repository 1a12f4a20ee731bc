"""The options of ``yolokit data show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from yolokit.convert.config import Assume, FromFormat, Images
from yolokit.core.config import AUTO, Config
from yolokit.core.options import AnyPath, Argument, Count, Option, Positive, Texts
from yolokit.core.suggest import describe_unknown
from yolokit.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNS = Path("runs") / "show"
PAGES = (".html", ".htm")
PICTURES = (".png", ".jpg", ".jpeg")
TASKS = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
_OF_LABELS = ("split", "classes", "code", "task", "images", "from_format", "assume")
_OF_TRAINING = ("config", "preset", "settings", "imgsz", "batch", "last_epochs")
_FLAGS = {
    "classes": "class",
    "from_format": "from",
    "last_epochs": "last-epochs",
    "settings": "set",
}


class _Source(Config, frozen=True):
    source: Annotated[
        AnyPath, Argument("Annotation file, folder or archive; or a data.yaml.", "SOURCE")
    ]


class ShowConfig(_Source, frozen=True, kw_only=True):
    """Which pictures are shown, and where they go."""

    JOB: ClassVar[str] = "data show"

    split: Annotated[str | None, Option("Show only this split.", "NAME")] = None
    classes: Annotated[
        Texts, Option("Show only images with this class. Repeatable.", "NAME", flag="--class")
    ] = ()
    code: Annotated[
        str | None,
        Option("Show only images in which `yolokit data check` finds this.", "CODE"),
    ] = None
    count: Annotated[int, Meta(ge=1, le=200), Option("Most pictures.", "N")] = 24
    seed: Annotated[
        Count | None, Option("Seed of the choice, or of the training.", "N", default="0")
    ] = None
    out: Annotated[
        AnyPath | None,
        Option("A page (.html) or one picture (.png, .jpg).", "FILE",
               default="runs/show/NAME/sheet.html"),
    ] = None  # fmt: skip
    task: Annotated[str, Option("What the labels are.", "auto|detect|segment|pose|obb")] = AUTO
    images: Images = None
    from_format: FromFormat = AUTO
    assume: Assume = ()
    augmented: Annotated[
        bool, Option("Show what a training of the data.yaml SOURCE feeds the network.")
    ] = False
    config: Annotated[
        AnyPath | None, Option("With --augmented: options as for `yolokit train`.", "FILE")
    ] = None
    preset: Annotated[
        str | None, Option("With --augmented: as for `yolokit train`.", "NAME|FILE")
    ] = None
    settings: Annotated[
        Texts,
        Option("With --augmented: as for `yolokit train`. Repeatable.", "KEY=VALUE", flag="--set"),
    ] = ()
    imgsz: Annotated[
        Positive | None,
        Option("With --augmented: side of the input.", "PX", default="as in training"),
    ] = None
    batch: Annotated[
        Positive | None,
        Option("With --augmented: images per step.", "N", default="as in training"),
    ] = None
    last_epochs: Annotated[
        bool, Option("With --augmented: as in the last epochs, without mosaic.")
    ] = False
    overwrite: Annotated[bool, Option("Replace an earlier FILE.")] = False

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        from yolokit.convert.option_checks import find_reading_problems

        problems = find_reading_problems(values)
        out, task = values["out"], values["task"]
        if out is not None and out.suffix.lower() not in (*PAGES, *PICTURES):
            problems.append(f"out: must end in .html, .png or .jpg, not {out.name!r}")
        if task not in (AUTO, *TASKS):
            problems.append("task: " + describe_unknown("task", task, (AUTO, *TASKS)))
        is_augmented = values["augmented"]
        for name in _OF_LABELS if is_augmented else _OF_TRAINING:
            if values[name] not in (None, (), False, AUTO):
                why = "is about labels, not about" if is_augmented else "needs"
                problems.append(f"{_FLAGS.get(name, name)}: {why} --augmented")
        return problems

    @property
    def is_page(self) -> bool:
        """Whether an HTML page is made, rather than one picture."""
        return self.out is None or Path(self.out).suffix.lower() in PAGES
