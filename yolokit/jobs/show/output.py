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
from yolokit.report.page import Gallery, Page, Picture, Section, Table, Text
from yolokit.report.render import render_page

if TYPE_CHECKING:
    from yolokit.core.types import U8
    from yolokit.jobs.show.config import ShowConfig
    from yolokit.jobs.show.look import Look, View

PAGE_WH_PX = (640, 640)
SHEET_WH_PX = (400, 300)
NAME = "sheet.html"
MADE_BY = "Made by yolokit data show"
_LEGEND = 40
_HEAD_BYTES = 4096
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
        content = add_comment(encode_image(path.suffix, _make_sheet(look)), MADE_BY)
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
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    return () if has_comment(head, MADE_BY) or MADE_BY.encode() in head else None


_RESULT = Result(command="yolokit data show", recognise=_recognise, is_folder=False)


def _make_page(look: Look) -> Page:
    pictures = tuple(
        Picture(
            jpeg=encode_jpeg(view.drawn, fit_wh=PAGE_WH_PX, quality=_QUALITY),
            alt=f"{view.name} with {view.describe_labels()}",
            caption=". ".join(_list_lines(view)),
        )
        for view in look.views
    )
    sections = [Section("Pictures", (Gallery(pictures),))]
    if look.counts:
        rows = tuple((name, str(images), str(labels)) for name, images, labels in look.counts)
        sections.append(Section("Classes", (Table(("class", "images", "labels"), rows),)))
    if look.left_out:
        sections.append(Section("Not shown", tuple(map(Text, look.left_out))))
    facts = (*look.facts, ("made by", f"yolokit data show {yolokit.__version__}"))
    return Page(look.title, look.lead, tuple(sections), facts)


def _make_sheet(look: Look) -> U8:
    cells = [Cell(view.drawn, _list_lines(view)) for view in look.views]
    seen = {name for view in look.views for name in view.labels}
    legend = [(name, class_color(at)) for at, name in enumerate(look.names) if name in seen]
    return make_sheet(cells, title=f"{look.title}: {look.lead}", legend=legend[:_LEGEND])


def _list_lines(view: View) -> list[str]:
    """Return what is written below a picture."""
    place = f"{view.split}: {view.name}" if view.split else view.name
    return [place, view.describe_labels(), *([view.note] if view.note else [])]
