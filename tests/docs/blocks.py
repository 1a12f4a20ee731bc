"""The pages of ``docs/``: their blocks of code, and how a test runs them in order.

A page may begin with ``<!-- tests begin with: NAME, ... -->``: what lies in the folder where its
commands run (``tests/docs/inputs.py``). Its blocks are

- ``sh``: commands, one a line; each must succeed.
- ``console``: commands after ``$``, and lines of what they print. Numbers may differ, and ``...``
  stands for what is left out, of a line or of several. A command may fail only where ``$ echo $?``
  follows.
- ``python``: a program of its own, called by its first line if that is ``# NAME.py``.
- any other with a first line ``# NAME`` or ``// NAME``: a file of that name, for what comes after.

``<!-- tests add: OPTIONS -->`` before a block shortens a training: the options are added to its
last command. ``*Not run by the tests: REASON*`` before one says, to the reader as well, why not.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_BEGINS = re.compile(r"<!-- tests begin with: (.+?) -->")
_ADDS = re.compile(r"<!-- tests add: (.+?) -->")
_NOT_RUN = re.compile(r"\*Not run by the tests: (.+?)\*")
_FENCE = "```"
_TIMEOUT_S = 900


class Block(NamedTuple):
    """A block of code: its language, its text, and what is said before it."""

    language: str
    text: str
    line: int
    adds: str = ""
    not_run: str = ""


def list_pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def list_inputs(page: Path) -> list[str]:
    """Return what a page begins with."""
    found = _BEGINS.search(page.read_text("utf-8"))
    return found[1].split(", ") if found else []


def list_blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in order."""
    before, language, begun, indent, lines = "", None, 0, 0, list[str]()
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if language is None and line.lstrip().startswith(_FENCE):
            indent = line.index(_FENCE)
            language, begun, lines = line.strip().removeprefix(_FENCE), number, []
        elif language is not None and line.lstrip().startswith(_FENCE):
            adds, not_run = _ADDS.fullmatch(before), _NOT_RUN.fullmatch(before)
            yield Block(
                language, "\n".join(lines), begun,
                adds[1] if adds else "", not_run[1] if not_run else "",
            )  # fmt: skip
            before, language = "", None
        elif language is not None:
            lines.append(line[indent:])
        elif line.strip():
            before = line.strip()


class Reader:
    """Does what a page says, as its reader would, in a folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._code = 0

    def follow(self, block: Block) -> None:
        """Do what one block says.

        Raises:
            AssertionError: A command failed, or printed something else.
        """
        if block.not_run:
            return
        if block.language == "python":
            named = re.match(r"# ([\w.-]+\.py)\n", block.text)
            program = self._folder / (named[1] if named else "snippet.py")
            program.write_text(block.text, "utf-8")
            self._run(f'"{sys.executable}" {program.name}')
        elif block.language in ("sh", "console"):
            self._type(block)
        else:
            name, _, text = block.text.partition("\n")
            named = re.fullmatch(r"(?:#|//) ([\w./-]+)", name)
            assert named, f"line {block.line}: what is done with this?"
            (self._folder / named[1]).write_text(text + "\n", "utf-8")

    def _type(self, block: Block) -> None:
        steps = list(_list_steps(block))
        for at, (command, shown) in enumerate(steps):
            words = f"{command} {block.adds}" if block.adds and at == len(steps) - 1 else command
            printed = self._run(words, may_fail=_asks_for_code(steps, at))
            _compare(shown, printed, f"line {block.line}: {command}")

    def _run(self, command: str, *, may_fail: bool = False) -> str:
        """Run a command after the one before, whose exit code it may ask for."""
        done = subprocess.run(
            ["bash", "-c", f"(exit {self._code}); {command}"],
            cwd=self._folder, env=self._environment, text=True, check=False, timeout=_TIMEOUT_S,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._code = done.returncode
        assert may_fail or done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout


def _asks_for_code(steps: list[tuple[str, list[str]]], at: int) -> bool:
    return at + 1 < len(steps) and steps[at + 1][0] == "echo $?"


def _list_steps(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command with the lines that it is said to print."""
    steps: list[tuple[str, list[str]]] = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if block.language == "sh":
            if line.strip() and not line.startswith("#"):
                steps.append((line, []))
        elif line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    yield from steps


def _compare(shown: list[str], printed: str, where: str) -> None:
    """Require lines to be among those printed, in their order, but for numbers and spaces."""
    rest = iter(map(_plain, printed.splitlines()))
    for line in shown:
        if line.strip() not in ("", "..."):
            wanted = ".*".join(map(re.escape, _plain(line).split("...")))
            found = any(re.fullmatch(wanted, one) for one in rest)
            assert found, f"{where}\nnot printed (there): {line!r}\nbut:\n{printed}"


def _plain(line: str) -> str:
    """Return what must agree of a line: not its numbers, widths and rulers."""
    line = re.sub(r"\d+(\.\d+)?(e-?\d+)?", "#", line)
    return " ".join(re.sub(r"-{2,}(?= |$)", "--", line).split())
