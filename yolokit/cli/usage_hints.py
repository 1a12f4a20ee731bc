"""What to say to those who use the words of another trainer: the command or option they want."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from typer._click.exceptions import NoSuchOption, UsageError  # typer 0.28 carries click within

from yolokit.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer._click.exceptions import ClickException

_TASK = "tasks are not named here: `yolokit train`, `yolokit val`, `yolokit predict`"
_ONNX_ONLY = "what is made is always an ONNX file in FP32: leave it out"
_MODEL_FIRST = "the model has no option of its own: `yolokit {} MODEL ...`"
_NEVER_ONLINE = "this command never opens a connection: leave it out"
_FIXED_SIZE = "the size belongs to the model: `yolokit export --imgsz PX` sets it"

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(Task, _TASK),
        "help": "`yolokit -h` shows the commands, and `yolokit COMMAND -h` what one takes",
        "version": "`yolokit --version` prints it",
        "checks": "`yolokit doctor` looks at this machine",
        "convert": "`yolokit data convert` converts annotations",
        "pull": "`yolokit weights pull` fetches weights, `yolokit data get` a data set",
        "validate": "`yolokit val` measures a model",
        "test": "`yolokit val MODEL --split test` measures a model on the test split",
        "resume": "`yolokit train --resume` goes on with a run",
    }
)
_OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        **{
            command: {"--offline": _NEVER_ONLINE}
            for command in ("list", "info", "verify", "where", "import")
        },
        "export": {
            **dict.fromkeys(("--format", "--half", "--int8", "--quantize"), _ONNX_ONLY),
            **dict.fromkeys(("--model", "--weights"), "`yolokit export WEIGHTS`: no option"),
        },
        "val": {
            **dict.fromkeys(("--model", "--weights"), _MODEL_FIRST.format("val")),
            **dict.fromkeys(("--imgsz", "--img"), _FIXED_SIZE),
        },
        "predict": {
            **dict.fromkeys(("--model", "--weights"), _MODEL_FIRST.format("predict")),
            **dict.fromkeys(("--imgsz", "--img"), _FIXED_SIZE),
            "--source": "sources have no option of their own: `yolokit predict MODEL SOURCE...`",
        },
        "convert": {
            "--format": "--from names the format that is read, --to the one that is written"
        },
    }
)


def explain_usage(error: ClickException) -> str | None:
    """Return what is meant by an unknown command, option or argument, if that is known."""
    if not isinstance(error, UsageError) or error.ctx is None:
        return None
    command = error.ctx.info_name or ""
    if isinstance(error, NoSuchOption):
        if command == "train":
            from yolokit.cli.train import explain_unknown_option

            return explain_unknown_option(error.option_name)
        return _OPTIONS.get(command, {}).get(error.option_name)
    if error.message.startswith("No such command") and error.ctx.parent is None:
        return _COMMANDS.get(error.message.split("'")[1])
    if "unexpected extra argument" in error.message:
        return _explain_argument(command, error.message)
    return None


def _explain_argument(command: str, message: str) -> str | None:
    if "=" in message:
        return "options are written --data FILE here, not data=FILE"
    if command == "train":
        return "everything has an option here: --data FILE, and --name NAME for the run to resume"
    return None
