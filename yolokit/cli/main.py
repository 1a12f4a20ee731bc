"""The entry point: builds the command tree and turns errors into messages and exit codes."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer._click.exceptions import ClickException  # typer 0.28 carries click within

import yolokit
from yolokit.cli import runs, weights
from yolokit.cli.bench import bench
from yolokit.cli.command import Command, options_of
from yolokit.cli.data.app import app as data_app
from yolokit.cli.doctor import doctor
from yolokit.cli.export import export
from yolokit.cli.help import help_
from yolokit.cli.hints.usage import TASKS, explain_usage, settle_plural
from yolokit.cli.inspect import inspect
from yolokit.cli.optimize import optimize
from yolokit.cli.output import say
from yolokit.cli.predict import predict
from yolokit.cli.quickstart import quickstart
from yolokit.cli.signals import Interruptions, interruptions
from yolokit.cli.train import train
from yolokit.cli.tune import tune
from yolokit.cli.val import val
from yolokit.cli.verify import verify
from yolokit.errors import YolokitError

_INTERRUPTED = 130
HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="yolokit",
    help="Fine-tune a YOLO detector on your own labels and run it anywhere.",
    epilog="`yolokit help COMMAND` lists all options of a command, `yolokit help COMMAND OPTION` "
    "explains one.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)


def _print_version(value: bool) -> None:
    if value:
        print(yolokit.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. Allowed anywhere.")
    ] = False,
) -> None:
    del version, debug


app.add_typer(data_app)
app.add_typer(weights.app)
app.add_typer(runs.app)
app.command(cls=Command)(quickstart)
app.command(cls=options_of("yolokit.train.config:TrainConfig"))(train)
app.command(cls=options_of("yolokit.jobs.tune.config:TuneConfig"))(tune)
app.command(cls=options_of("yolokit.export.config:ExportConfig"))(export)
app.command(cls=options_of("yolokit.jobs.optimize.config:OptimizeConfig"))(optimize)
app.command(cls=options_of("yolokit.evaluate.config:ValConfig"))(val)
app.command(cls=options_of("yolokit.jobs.verify.config:VerifyConfig"))(verify)
app.command(cls=options_of("yolokit.runtime.config:PredictConfig"))(predict)
app.command(cls=options_of("yolokit.jobs.bench.config:BenchConfig"))(bench)
app.command(cls=options_of("yolokit.jobs.inspect.config:InspectConfig"))(inspect)
app.command(cls=Command)(doctor)
app.command("help", cls=Command, context_settings={"ignore_unknown_options": True})(help_)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code; the only place that catches YolokitError."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may be in any language
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = _take_debug(arguments)
    with interruptions() as signals:
        code = _run(arguments, signals, debug=debug)
    sys.exit(signals.exit_code if code == _INTERRUPTED else code)


def _run(arguments: list[str], signals: Interruptions, *, debug: bool) -> int:  # noqa: C901, PLR0911 - a branch for each kind of end
    try:
        _refuse_yolo_line(arguments)
        result = app(arguments, prog_name="yolokit", standalone_mode=False)
    except YolokitError as error:
        if debug:
            say(traceback.format_exc())
        _report(error)
        return error.exit_code
    except ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(settle_plural(shown.getvalue().rstrip("\n")))
        hint = explain_usage(error)
        if hint is not None:
            say(f"hint: {hint}")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted")
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read our stdout is gone: not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if debug:
            say(traceback.format_exc())
        say(f"error: {_name_file(error)}: {error.strerror or error}")
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        if debug:
            say(traceback.format_exc())
        if not signals.is_idle:  # code in C may turn an interrupt into an error of its own
            say("interrupted")
            return _INTERRUPTED
        say(f"internal error: {type(error).__name__}: {error}")
        say("hint: this is a mistake in yolokit; run again with --debug and report what it prints")
        return 70
    if result == _INTERRUPTED:  # typer has caught the interrupt itself
        say("interrupted")
    return result if isinstance(result, int) else 0


def _name_file(error: OSError) -> str:
    """Return the file that an error is about, by the name that the user gave it."""
    from pathlib import Path

    from yolokit.files.parts import final_path

    name = error.filename
    return str(final_path(Path(os.fsdecode(name)))) if name else "the system"


def _refuse_yolo_line(arguments: list[str]) -> None:
    """Raise a ConfigError for a line of ``yolo``, which says what it is here."""
    if not arguments or not (arguments[0] in TASKS or any("=" in word for word in arguments)):
        return
    from typer.main import get_command

    from yolokit.cli.hints.yolo_line import translate
    from yolokit.errors import ConfigError

    commands: Any = get_command(app)
    meant = translate(arguments, commands.commands)
    if meant is not None:
        problem, hint = meant
        raise ConfigError(problem, hint=hint)


def _take_debug(arguments: list[str]) -> bool:
    """Remove ``--debug`` wherever it is before a ``--``, and return whether it was there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    found = "--debug" in arguments[:end]
    arguments[:end] = [word for word in arguments[:end] if word != "--debug"]
    return found


def _report(error: YolokitError) -> None:
    say(f"error: {error}")
    if error.hint:
        say(f"hint: {error.hint}")
