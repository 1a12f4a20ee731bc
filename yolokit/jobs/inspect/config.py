"""The options of ``yolokit inspect``."""

from __future__ import annotations

from os.path import realpath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from yolokit.core.config import Config
from yolokit.core.options import AnyPath, Argument, Option, Texts

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_SIDE_PX = 8192


class _Model(Config, frozen=True):
    model: Annotated[AnyPath, Argument("An ONNX file, or a checkpoint (.pt).", "MODEL")]


class InspectConfig(_Model, frozen=True, kw_only=True):
    """Which model to look into, and at what; ``trust`` has to be ``model`` itself."""

    JOB: ClassVar[str] = "inspect"

    imgsz: Annotated[
        Annotated[int, Meta(ge=32, le=MAX_SIDE_PX)] | None,
        Option("Side of the input.", "PX", default="the model's own"),
    ] = None
    image: Annotated[
        AnyPath | None, Option("Draw what layers make of this image, as feature maps.", "FILE")
    ] = None
    layers: Annotated[
        Texts,
        Option(
            "Layer to draw, by its name in the table. Repeatable.",
            "NAME",
            flag="--layer",
            default="those that the head takes",
        ),
    ] = ()
    out: Annotated[
        AnyPath | None, Option("Picture to write.", "FILE", default="MODEL-maps.png, here")
    ] = None
    trust: Annotated[
        AnyPath | None, Option("Load this one file even if that runs code stored in it.", "FILE")
    ] = None

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields."""
        problems = []
        if values["image"] is None:
            problems += [
                f"{flag}: has no effect without --image"
                for name, flag in (("layers", "--layer"), ("out", "--out"))
                if values[name]
            ]
        out = values["out"]
        if out is not None and out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            problems.append(f"out: must end with .png or .jpg, not {str(out)!r}")
        if values["imgsz"] is not None and values["imgsz"] % 32:
            problems.append(f"imgsz: must be a multiple of 32, not {values['imgsz']}")
        trust = values["trust"]
        if trust is not None and realpath(trust) != realpath(values.get("model", "")):
            problems.append(f"trust: must name the file that is looked into, not {str(trust)!r}")
        return problems
