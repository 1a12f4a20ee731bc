"""What to say to those who use the words of another trainer: the command or option they want.

What is said about an option is stated by the config of each job, as ``FOREIGN``: mistakes in a
file and in Python are answered alike. A whole line of ``yolo`` is translated by
``cli/hints/yolo_line.py``.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from typer._click.exceptions import (  # typer 0.28 carries click within
    BadOptionUsage,
    BadParameter,
    NoSuchOption,
    UsageError,
)

from yolokit.cli.command import JobCommand
from yolokit.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typer._click import Context
    from typer._click.exceptions import ClickException

    from yolokit.core.config import Config

TASKS = (*map(str, Task), "semantic", "depth")
_NEVER_ONLINE = "this command never opens a connection: leave it out"

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "version": "`yolokit --version` prints it",
        "checks": "`yolokit doctor` looks at this machine",
        "convert": "`yolokit data convert` converts annotations",
        "check": "`yolokit data check` checks a data set",
        "show": "`yolokit data show` draws labels, `yolokit runs show` tells what came of a run",
        "fix": "`yolokit data fix` mends a data set into a new folder",
        "compare": "`yolokit runs compare` compares two runs of training",
        "pull": "`yolokit weights pull` fetches weights, `yolokit data get` a data set",
        "validate": "`yolokit val` measures a model",
        "test": "`yolokit val MODEL --split test` measures a model on the test split",
        "resume": "`yolokit train --resume` goes on with a run",
        **dict.fromkeys(
            TASKS, "tasks are not named here: `yolokit train`, `yolokit val`, `yolokit predict`"
        ),
        "track": "this version does not track: `yolokit predict MODEL video.mp4` finds the objects "
        "of each frame by itself",
        "benchmark": "`yolokit bench best.onnx` times a file on every engine that is installed, "
        "`yolokit optimize best.pt --data FILE` finds the fastest that is accurate enough",
        "settings": "there are none: nothing is kept beside the files that commands write, and "
        "`yolokit help` lists the options",
        **dict.fromkeys(
            ("cfg", "copy-cfg"), "`yolokit help train` lists all options with their defaults"
        ),
        "solutions": "there are none: `yolokit predict` writes the boxes to build on",
        **dict.fromkeys(("login", "logout"), "there is no account: nothing is sent anywhere"),
        "detectors": "`yolokit weights list` shows what can be fetched",
    }
)
"""Commands of other trainers, and what there is here in place of each."""

_OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        **{
            command: {"--offline": _NEVER_ONLINE}
            for command in ("list", "info", "verify", "where", "import")
        },
        "convert": {
            "--format": "--from names the format that is read, --to the one that is written"
        },
    }
)
_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "--imgsz": "one number is the side of a square: --imgsz 640",
        "--dynamic": "`--dynamic batch` or `--dynamic all` says what may vary",
        "--save": "--save names what is written: jsonl, images, video",
    }
)
"""What is meant where the value of an option is missing or not a number."""


def explain_usage(error: ClickException) -> str | None:
    """Return what is meant by an unknown command, option or argument, if that is known."""
    if isinstance(error, BadOptionUsage):
        return _VALUES.get(error.option_name)
    if not isinstance(error, UsageError) or error.ctx is None:
        return None
    if isinstance(error, BadParameter):
        names = error.param.opts if error.param is not None else []
        return next((_VALUES[name] for name in names if name in _VALUES), None)
    command = error.ctx.info_name or ""
    if isinstance(error, NoSuchOption):
        return explain_option(error.ctx.command, command, error.option_name, _list_jobs(error.ctx))
    if error.message.startswith("No such command") and error.ctx.parent is None:
        return COMMANDS.get(error.message.split("'")[1])
    return _explain_argument(command, error.message)


def settle_plural(text: str) -> str:
    """Return what typer says of extra words, in the singular for one of them."""
    found = re.search(r"argument\(s\) \((.*)\)", text)
    noun = "arguments" if found is not None and " " in found[1] else "argument"
    return text.replace("argument(s)", noun)


def explain_option(
    command: Any, words: str, option: str, jobs: Mapping[str, type[Config]]
) -> str | None:
    """Return where an option lives that a command does not have, if it lives anywhere."""
    known = _OPTIONS.get(words, {}).get(option)
    if known or not isinstance(command, JobCommand):
        return known
    config, name = command.load_config(), option.strip("-").replace("-", "_").lower()
    foreign = config.find_foreign(name)
    if foreign:
        return f"{name} {foreign}"
    if name not in config.__struct_fields__:
        others = [f"`yolokit {job}`" for job, one in jobs.items() if one.has_option(name)]
        return f"{name} is of another command: {' and '.join(others)}" if others else None
    if any(one.name == "config" for one in command.params):
        return (
            f"{name} has no option of its own: write --set {name}=VALUE "
            f"(`yolokit help {words} {name}`)"
        )
    return None


def _list_jobs(context: Context) -> dict[str, type[Config]]:
    commands = getattr(context.find_root().command, "commands", {})
    return {
        name: command.load_config()
        for name, command in commands.items()
        if isinstance(command, JobCommand)
    }


def _explain_argument(command: str, message: str) -> str | None:
    if "unexpected extra argument" not in message:
        return None
    if "=" in message:
        return "options are written --data FILE here, not data=FILE"
    if command == "train":
        return "everything has an option here: --data FILE, and --name NAME for the run to resume"
    return None
