"""Every option that a message names exists in the command that shows it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from yolokit.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "yolokit"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
# A whole command line, up to what ends it in a sentence.
COMMAND_LINE = re.compile(r"yolokit ((?:[a-z]+ )*[a-z]+)\b[^`;\n]*")
HELP = ("typer.", "Option", "Argument")  # what the help of an option is stated in
OTHER_PROGRAM = re.compile(r"\b(?:uv sync|uv run|docker run)\b[^`;]*")


def _list_options(command: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:
    if hasattr(command, "commands"):
        for word, child in command.commands.items():
            yield from _list_options(child, f"{name} {word}".strip())
        return
    yield name, {option for parameter in command.params for option in parameter.opts}


OPTIONS = dict(_list_options(get_command(app)))
ANYWHERE = {"--debug", "--help", "--version", "--install-completion"}

# Which commands show the messages of a module: the longest prefix counts. What stands here is
# what can happen, so a new message in a module that two commands share must suit both.
SHOWN_BY = {
    "api": [],
    "checkpoints": ["train", "export"],
    "cli.bench": ["bench"],
    "cli.data.check": ["data check"],
    "cli.data.convert": ["data convert"],
    "cli.data.demo": ["data demo"],
    "cli.data.fix": ["data fix"],
    "cli.data.formats": ["data convert"],
    "cli.data.known_data": ["data get"],
    "cli.export": ["export"],
    "cli.help": [],  # of whatever command is explained; train alone has a file of options
    "cli.hints.option_help": [],
    "cli.hints.usage": [],  # each is a command line, or of what another tool calls its options
    "cli.hints.yolo_line": [],  # it writes whole lines of each job
    "cli.main": [],
    "cli.optimize": ["optimize"],
    "cli.output": ["train", "quickstart", "data convert", "data demo"],
    "cli.predict": ["predict"],
    "cli.quickstart": ["quickstart"],
    "cli.runs": ["runs compare"],
    "cli.train": ["train"],
    "cli.tune": ["tune"],
    "cli.val": ["val"],
    "cli.verify": ["verify"],
    "cli.weights": ["weights pull", "weights bundle"],
    "convert": ["data convert"],
    "convert.account_findings": ["data check"],
    "convert.archive": ["data convert", "data show"],
    "core.extras": [],
    "files": ["data convert"],
    "files.outputs": [
        "data convert",
        "data demo",
        "data get",
        "data show",
        "export",
        "predict",
        "val",
        "weights bundle",
    ],
    "core.findings": ["data convert", "train"],
    "datasets": ["data convert", "data check", "train", "val", "export"],
    "datasets.check": ["train"],
    "datasets.check_report": ["train"],
    "datasets.checks": ["data check", "train"],
    "datasets.checks.advice": ["train"],
    "datasets.checks.images.missing_image": ["data check"],
    "datasets.checks.rows": ["data check", "train", "val"],
    "engine": ["train"],
    "engine.export": ["export"],
    "engine.ultralytics_patches": ["train", "export"],
    "engine.inspect": ["inspect"],
    "engine_protocol": ["train", "export"],
    "engine_protocol.training": ["train"],
    "evaluate": ["val"],
    "export": ["export"],
    "formats": ["data convert", "data check", "data show"],
    "formats.toolkit.locate": ["data convert"],
    "formats.toolkit.plugin": ["data convert", "data check"],
    "hub": ["train", "weights pull", "data get"],
    "images": ["data convert", "data check", "data show"],
    "jobs.bench": ["bench"],
    "jobs.check": ["data check"],
    "jobs.demo": ["data demo"],
    "jobs.fix": ["data fix"],
    "jobs.get_dataset": ["data get"],
    "jobs.inspect": ["inspect"],
    "jobs.optimize": ["optimize"],
    "jobs.optimize.page": ["predict"],
    "jobs.quickstart": ["quickstart"],
    "jobs.runs": ["runs compare"],
    "jobs.show": ["data show"],
    "jobs.tune": ["tune"],
    "jobs.verify": ["verify"],
    "labels": ["data convert"],
    "runtime": ["predict"],
    "runtime.session": ["predict", "val"],
    "runtime.timing": ["bench"],
    "train": ["train"],
    "train.preview": ["data show"],
}


def _list_messages(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that is neither a docstring nor the help of an option."""
    tree = ast.parse(path.read_text("utf-8"))
    passed: set[int] = set()
    for node in ast.walk(tree):
        is_help = isinstance(node, ast.Call) and ast.unparse(node.func).startswith(HELP)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))  # a docstring, of a constant too
        elif is_help:
            passed.update(map(id, ast.walk(node)))
        elif isinstance(node, ast.JoinedStr) and id(node) not in passed:
            parts = [getattr(part, "value", None) for part in node.values]
            yield node.lineno, "".join(part if isinstance(part, str) else "{}" for part in parts)
            passed.update(map(id, ast.walk(node)))
        elif id(node) not in passed and isinstance(node, ast.Constant):
            yield node.lineno, str(node.value)


def find_wrong_options(text: str, commands: list[str]) -> list[str]:
    """Return the options that a text names and a command does not have, a phrase for each."""
    wrong = []
    for found in COMMAND_LINE.finditer(text):
        words = found[1].split()
        names = [" ".join(words[:count]) for count in (2, 1)]
        name = next((name for name in names if name in OPTIONS), None)
        if name is not None:
            unknown = set(OPTION.findall(found[0])) - OPTIONS[name] - ANYWHERE
            wrong += [f"{name} {option}" for option in sorted(unknown)]
            text = text.replace(found[0], "")
    text = OTHER_PROGRAM.sub("", text)
    for option in OPTION.findall(text):
        lacking = [name for name in commands if option not in OPTIONS[name] | ANYWHERE]
        wrong += [f"{name} {option}" for name in lacking]
    return wrong


def _shown_by(module: str) -> list[str]:
    known = [prefix for prefix in SHOWN_BY if module == prefix or module.startswith(f"{prefix}.")]
    assert known, f"yolokit.{module} names an option; which commands show it?"
    return SHOWN_BY[max(known, key=len)]


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_options_in_messages_exist(path: Path) -> None:
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    wrong = [
        f"line {line}: {problem} in {text!r}"
        for line, text in _list_messages(path)
        if OPTION.search(text)
        for problem in find_wrong_options(text, _shown_by(module))
    ]
    assert not wrong, "\n".join(wrong)


def test_enough_is_found() -> None:
    """The walk above sees the messages: it would pass on nothing else."""
    found = [text for path in MODULES for _, text in _list_messages(path) if OPTION.search(text)]
    assert len(found) > 100


@pytest.mark.parametrize(
    ("text", "commands", "wrong"),
    [
        ("replace it with --overwrite", ["train"], ["train --overwrite"]),
        ("replace it with --overwrite", ["predict"], []),
        ("`yolokit data convert {} --task detect` does it", ["train"], []),
        ("`yolokit data convert {} --taks detect` does it", ["train"], ["data convert --taks"]),
        ("go on with: yolokit train --resume --name x", [], []),
        ("uv sync --extra train", ["train"], []),
        ("`yolokit doctor` says why; --device cpu goes on", ["val"], ["val --device"]),
    ],
)
def test_the_walk_itself(text: str, commands: list[str], wrong: list[str]) -> None:
    assert find_wrong_options(text, commands) == wrong
