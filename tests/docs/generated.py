"""The pages that follow from the code: all options, and all messages' codes.

``python -m tests.docs`` writes them anew; a test fails when one is out of date.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from tests.docs.blocks import DOCS, ROOT
from tests.docs.ledger_words import CODES as LEDGER_CODES
from tests.docs.ledger_words import FROM_TABLES, OUTCOMES
from yolokit import errors
from yolokit.cli.hints.option_help import OptionHelp, list_commands, list_option_help
from yolokit.cli.main import app
from yolokit.convert.findings import CODES
from yolokit.datasets.checks import load_checks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_WRITTEN = "*This page is written by `python -m tests.docs` from the code; change it there.*"
_CODES_BESIDE = (
    (0, "done"),
    (1, "training failed, the system did, or `yolokit doctor` misses something"),
    (70, "a mistake of yolokit's own: please report it, with what `--debug` prints"),
    (129, "ended by SIGHUP: its terminal was closed"),
    (141, "whoever read stdout is gone, as with `| head`"),
    (143, "ended by SIGTERM, as `docker stop` sends it"),
)
_SEVERITIES = {
    "error": "refused",
    "doubt": "refused, unless `--allow` names it",
    "warning": "told",
    "advice": "told, as a suggestion",
}


def make_pages() -> dict[Path, str]:
    """Return the text of each page by its path."""
    return {DOCS / "options.md": _options(), DOCS / "messages.md": _messages()}


def _options() -> str:
    lines = [
        "# All options",
        "",
        _WRITTEN,
        "",
        "`yolokit help COMMAND` prints the same, and `yolokit help COMMAND OPTION` one of them.",
        "An option without a default is off, or must be given where the usage says so.",
        "In Python the names are the same, with `_` for `-`.",
    ]
    for words, command in list_commands(get_command(app)):
        options = list_option_help(command, words)
        if not options:
            continue
        lines += ["", f"## {words}", "", _first_sentence(command), "", *_option_table(options)]
    return "\n".join(lines) + "\n"


def _first_sentence(command: Any) -> str:
    return " ".join(str(command.help).partition("\n\n")[0].split())


def _option_table(options: Sequence[OptionHelp]) -> Iterator[str]:
    yield from _head("option", "values", "default", "what it is for")
    told = False
    for one in options:
        if one.where != "command line" and not told:
            is_setting = one.where == "--config FILE"
            place = "by `--set`, or in a file for `--config`" if is_setting else "only in Python"
            yield f"| **{place}** | | | |"
            told = True
        values = "" if "|" in one.written else one.values
        yield _row(f"`{one.written}`", values, one.default, one.help)


def _messages() -> str:
    lines = [
        "# Messages and exit codes",
        "",
        _WRITTEN,
        "",
        "Results go to stdout; words, progress and errors to stderr. An error says what is wrong,",
        "and where; `hint:` says what to do. A command that failed leaves nothing behind.",
        "",
        "## Exit codes",
        "",
        *_head("code", "what it means"),
        *(_row(str(code), text) for code, text in sorted(_exit_codes())),
        "",
        "## What a data set's check finds",
        "",
        "`yolokit train` and `yolokit val` check a data set before they use it. What they find:",
        "",
        *_head("code", "what happens", "what was found"),
        *_check_rows(),
        "",
        "## What a conversion refuses",
        "",
        "Each is refused unless `--allow` names its code: such labels are nearly always misread.",
        "",
        *_head("code", "what was found"),
        *(_row(f"`{code}`", text) for code, text in CODES.items()),
        "",
        "## The ledger of a conversion",
        "",
        "`ledger.jsonl` has a line for each label that was not simply kept: file, line, outcome",
        "(`action`), code and reason.",
        "",
        *_head("outcome", "what it means"),
        *(_row(f"`{action}`", text) for action, text in OUTCOMES.items()),
        "",
        *_head("code", "outcome", "what was found"),
        *(
            _row(f"`{code}`", ", ".join(sorted(actions)), LEDGER_CODES[code])
            for code, actions in sorted(list_ledger_codes().items())
        ),
    ]
    return "\n".join(lines) + "\n"


def _exit_codes() -> Iterator[tuple[int, str]]:
    yield from _CODES_BESIDE
    first: dict[int, str] = {}
    for kind in errors.YolokitError.__subclasses__():
        if kind.exit_code != 1:
            text = (kind.__doc__ or "").splitlines()[0].rstrip(".")
            text = text[0].lower() + text[1:]
            known = first.get(kind.exit_code)
            first[kind.exit_code] = f"{known}; or {text}" if known else text
    yield from first.items()


def _check_rows() -> Iterator[str]:
    for check in load_checks():
        what = " ".join((inspect.getdoc(check) or "").partition("\n\n")[0].split())
        yield _row(f"`{check.CODE}`", _SEVERITIES[check.SEVERITY], what.rstrip("."))


def list_ledger_codes() -> dict[str, set[str]]:
    """Return the codes that the source enters into a ledger, each with its outcomes."""
    found: dict[str, set[str]] = {code: set(actions) for code, actions in FROM_TABLES.items()}
    for path in sorted((ROOT / "yolokit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                for action, code in _codes_of(node):
                    found.setdefault(code, set()).add(action)
    return found


def _codes_of(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield outcome and code of a call that enters something into a ledger."""
    texts = [one.value if isinstance(one, ast.Constant) else None for one in call.args]
    for action, code in itertools.pairwise(texts):
        if isinstance(code, str) and action in OUTCOMES:
            yield str(action), code
    name = getattr(call.func, "attr", "")
    places = {"note": (2, "noted"), "lose_image": (2, "dropped"), "exclude": (1, "excluded")}
    at, action = places.get(name, (0, ""))
    if action and len(texts) > at and isinstance(texts[at], str):
        yield action, str(texts[at])


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def write_pages() -> Iterable[Path]:
    """Write the pages that are out of date, and return them."""
    pages = make_pages()
    stale = [path for path, text in pages.items() if not is_current(path, text)]
    for path in stale:
        path.write_text(pages[path], "utf-8")
    return stale


def is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text
