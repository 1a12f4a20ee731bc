"""Writes what is shown: as a page of pictures, or as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yolokit
from yolokit.files.atomic import claim_folder, publish_file
from yolokit.files.outputs import Replacing, Result
from yolokit.images.comment import add_comment, has_comment
from yolokit.images.draw import class_color
from yolokit.images.files import encode_image
from yolokit.images.sheet import Cell, encode_jpeg, make_sheet
from yolokit.jobs.show.config import RUNS
from yolokit.report.page import Gallery, Legend, Page, Picture, Section, Table, Text
from yolokit.report.render import is_made_by, render_page

if TYPE_CHECKING:
    from yolokit.core.types import U8
    from yolokit.images.draw import Color
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.look import Look, View

PAGE_WH_PX = (480, 480)
SHEET_WH_PX = (400, 300)
NAME = "sheet.html"
_COMMAND = "yolokit data show"
_LEGEND = 40
_LOOKED_AT_BYTES = 4096
_QUALITY = 85


def write_look(look: Look, config: ShowConfig) -> Path:
    """Write a page or a picture, whole or not at all, and return its path.

    Raises:
        OutputExistsError: It exists and is not to be replaced.
        ConfigError: Its folder cannot be made.
        DataError: The picture cannot be encoded.
    """
    if config.is_page:
        content = render_page(_make_page(look)).encode()
        stem = Path(config.source).resolve().name.partition(".")[0] or "data"
        path = Path(config.out) if config.out is not None else None
    else:
        assert config.out is not None, "a picture has a name"
        path = Path(config.out)
        content = add_comment(encode_image(path.suffix, _make_sheet(look)), _COMMAND)
    if path is None:
        path = claim_folder(None, parent=RUNS, stem=stem) / NAME
    with publish_file(path, replacing(config)) as part:
        part.write_bytes(content)
    return path


def replacing(config: ShowConfig) -> Replacing:
    """Return what may be replaced: what an earlier run of the command has written."""
    keep = [config.source, config.config, config.images]
    return Replacing(
        result=_RESULT, wanted=config.overwrite, keep=tuple(Path(one) for one in keep if one)
    )


def _recognise(path: Path) -> tuple[()] | None:
    """Find the words that :func:`write_look` puts near the beginning."""
    with path.open("rb") as stream:
        head = stream.read(_LOOKED_AT_BYTES)
    return () if is_made_by(head, _COMMAND) or has_comment(head, _COMMAND) else None


_RESULT = Result(command=_COMMAND, recognise=_recognise, is_folder=False)


def _make_page(look: Look) -> Page:
    pictures = tuple(
        Picture(
            jpeg=encode_jpeg(view.drawn, quality=_QUALITY),
            alt=f"{view.name} with {view.describe_labels()}",
            caption=". ".join(_list_lines(view)),
        )
        for view in look.views
    )
    legend = tuple((name, (red, green, blue)) for name, (blue, green, red) in _list_colors(look))
    sections = [Section("Pictures", (Legend(legend), Gallery(pictures, is_large=True)))]
    if look.counts:
        rows = tuple((name, str(images), str(labels)) for name, images, labels in look.counts)
        sections.append(Section("Classes", (Table(("class", "images", "labels"), rows),)))
    if look.left_out:
        sections.append(Section("Not shown", tuple(map(Text, look.left_out))))
    made_by = f"{_COMMAND} {yolokit.__version__}"
    return Page(look.title, look.lead, tuple(sections), tuple(look.facts), made_by)


def _make_sheet(look: Look) -> U8:
    cells = [Cell(view.drawn, _list_lines(view)) for view in look.views]
    title = f"{look.title}: {look.lead[:1].lower()}{look.lead[1:]}"
    return make_sheet(cells, title=title, legend=_list_colors(look))


def _list_colors(look: Look) -> list[tuple[str, Color]]:
    """Return the classes that are seen, each with its colour."""
    seen = {name for view in look.views for name in view.labels}
    colors = [(name, class_color(at)) for at, name in enumerate(look.names) if name in seen]
    return colors[:_LEGEND]


def _list_lines(view: View) -> list[str]:
    """Return what is written below a picture."""
    is_told = not view.split or view.name.startswith(f"{view.split}/")
    place = view.name if is_told else f"{view.split}: {view.name}"
    return [place, view.describe_labels(), *([view.note] if view.note else [])]
