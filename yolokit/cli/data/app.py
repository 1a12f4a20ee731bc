"""``yolokit data ...``: make, convert, fetch and check data sets."""

from __future__ import annotations

import typer

from yolokit.cli.command import Command, options_of
from yolokit.cli.data.check import check
from yolokit.cli.data.convert import convert
from yolokit.cli.data.demo import demo
from yolokit.cli.data.fix import fix
from yolokit.cli.data.formats import formats
from yolokit.cli.data.known_data import get, info, list_
from yolokit.cli.data.show import show

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
