"""Commands that take the options of a config."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import typer
from msgspec import Meta
from typer.testing import CliRunner

from yolokit.cli.command import options_of
from yolokit.core.config import Config
from yolokit.core.options import AnyPath, Argument, Option, Texts


class Options(Config, frozen=True, kw_only=True):
    JOB: ClassVar[str] = "t"

    source: Annotated[AnyPath, Argument("What is read.", "SOURCE")]
    out: Annotated[AnyPath, Option("Where it goes.", "DIR", may_lack=True)]
    side: Annotated[int, Meta(ge=1), Option("Side.", "PX")] = 64
    batch: Annotated[int | Literal["auto"], Option("Batch.", "auto|N")] = "auto"
    share: Annotated[float | None, Option("Share.", "SHARE", default="all")] = None
    to_format: Annotated[str, Option("Format.", "NAME", flag="--to")] = "yolo"
    allow: Annotated[Texts, Option("Code. Repeatable.", "CODE")] = ()
    dry: Annotated[bool, Option("Write nothing.")] = False
    inner: int = 3


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    def job(
        ctx: typer.Context,
        name: Annotated[str | None, typer.Option(metavar="NAME", help="Name.")] = None,
        last: Annotated[bool, typer.Option("--last", help="Last.")] = False,
    ) -> None:
        print(json.dumps({"own": [name, last], "given": ctx.obj}))

    app.command(cls=options_of(f"{__name__}:Options", {"name": "out"}))(job)
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Options.__module__])


def given(*arguments: str) -> dict[str, Any]:
    code, shown = run(*arguments)
    assert code == 0, shown
    found: dict[str, Any] = json.loads(shown)
    return found


def test_only_what_is_given_is_handed_on() -> None:
    assert given("a") == {"own": [None, False], "given": {"source": "a"}}


def test_values_are_read_by_their_types() -> None:
    arguments = "a --side 0 --batch 4 --share 0 --to coco --allow x --allow y --dry --last --name n"
    assert given(*arguments.split()) == {
        "own": ["n", True],
        "given": {
            "source": "a", "side": 0, "batch": "4", "share": 0.0, "to_format": "coco",
            "allow": ["x", "y"], "dry": True,
        },
    }  # fmt: skip
    built = Options.build(given("a", "--batch", "4", "--out", "o")["given"])
    assert built == Options(source=Path("a"), out=Path("o"), batch=4)


@pytest.mark.parametrize(
    "arguments", [[], ["a", "--side", "x"], ["a", "--inner", "4"], ["a", "--to-format", "x"]]
)
def test_what_the_config_does_not_show_or_take_is_refused(arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2


def test_the_help_is_that_of_the_config_with_the_commands_own_in_their_places() -> None:
    lines = run("--help")[1].splitlines()
    shown = [line.split() for line in lines if line.startswith("  --")]
    assert [words[0] for words in shown] == [
        "--out", "--name", "--side", "--batch", "--share", "--to", "--allow", "--dry", "--last",
        "--help",
    ]  # fmt: skip
    assert " ".join(shown[2]) == "--side PX Side. [default: 64]"
    assert " ".join(shown[4]) == "--share SHARE Share. [default: all]"
    assert " ".join(shown[6]) == "--allow CODE Code. Repeatable."
    assert any(line.split() == ["SOURCE", "What", "is", "read.", "[required]"] for line in lines)
