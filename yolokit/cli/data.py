"""``yolokit data ...``: make, convert, fetch and check data sets."""

from __future__ import annotations

import typer

from yolokit.cli.check import check
from yolokit.cli.command import Command, options_of
from yolokit.cli.convert import convert
from yolokit.cli.demo import demo
from yolokit.cli.fix import fix
from yolokit.cli.formats import formats
from yolokit.cli.known_data import get, info, list_
from yolokit.cli.show import show

app = typer.Typer(
    name="data",
    help="Convert, check, mend, look at, fetch and draw data sets.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.command(cls=options_of("yolokit.convert.config:ConvertConfig", {"name": "out"}))(convert)
app.command(cls=options_of("yolokit.jobs.fix.config:FixConfig", {"name": "out"}))(fix)
app.command(cls=options_of("yolokit.jobs.check.config:CheckConfig"))(check)
app.command(cls=options_of("yolokit.jobs.show.config:ShowConfig"))(show)
app.command(cls=Command)(formats)
app.command(cls=Command)(demo)
app.command(cls=options_of("yolokit.jobs.config:GetConfig"))(get)
app.command("list", cls=Command)(list_)
app.command(cls=Command)(info)
