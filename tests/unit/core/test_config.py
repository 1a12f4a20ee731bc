"""Options are checked as a whole: every mistake is listed, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from msgspec import Meta

from yolokit.core.config import Config
from yolokit.core.option_file import read_option_file
from yolokit.core.options import AnyPath, AnyPaths, PathText
from yolokit.errors import ConfigError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Options(Config, frozen=True, kw_only=True):
    JOB: ClassVar[str] = "t"
    FOREIGN: ClassVar[Mapping[str, str]] = {"no_mode": "is fast", "project": "is called out here"}

    data: str
    epochs: Annotated[int, Meta(ge=1)] = 10
    mode: Literal["fast", "slow"] = "fast"
    freeze: Annotated[int, Meta(ge=0)] | Literal["backbone", "neck"] = 0
    rate: Annotated[float, Meta(ge=0)] | None = 0.1
    quick: bool = False
    colour: Colour = Colour.RED
    allow: tuple[str, ...] = ()

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        return ["quick: is not slow"] if values["quick"] and values["mode"] == "slow" else []


def test_defaults_fill_in() -> None:
    assert Options.build({"data": "x"}) == Options(data="x")


def test_all_mistakes_come_at_once() -> None:
    values = {"epochs": 0, "rate": "fats", "epohcs": 3, "mode": "slow", "quick": "yes"}
    with pytest.raises(ConfigError) as caught:
        Options.build(values)
    problems = caught.value.problems
    assert len(problems) == 5
    assert "did you mean 'epochs'" in problems[0]
    assert problems[1] == "epochs: must be a whole number of at least 1, not 0"
    assert problems[2] == "rate: must be a number or nothing, not 'fats'"
    assert problems[3] == "data: is missing"
    assert problems[4] == "quick: is not slow"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"freeze": "all"}, "freeze: must be backbone, neck or a whole number, not 'all'"),
        ({"freeze": 1.5}, "freeze: must be backbone, neck or a whole number, not 1.5"),
        ({"mode": "fats"}, "mode: must be one of fast, slow, not 'fats'"),
        ({"mode": True}, "mode: must be one of fast, slow, not True"),
        ({"colour": "rde"}, "colour: must be one of red, blue, not 'rde'"),
        ({"colour": 7}, "colour: must be one of red, blue, not 7"),
        ({"data": "a\0b"}, r"data: must be text without zero bytes, not 'a\x00b'"),
    ],
)
def test_a_mistake_says_what_is_right(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Options.build({"data": "x"} | values)
    assert caught.value.problems == (problem,)


def test_options_of_other_tools_are_known_with_dashes_as_well() -> None:
    with pytest.raises(ConfigError) as caught:
        Options.build({"data": "x", "No-Mode": 1})
    assert caught.value.problems == ("No-Mode: is fast",)


@pytest.mark.parametrize("value", ["three", "3.5", "nan", "null", 3.5, True, None, [3]])
def test_what_is_no_such_number_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="epochs"):
        Options.build({"data": "x", "epochs": value})


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("rate: 1e-3", "rate", 0.001),  # text to YAML 1.1
        ("rate: 1.e-3", "rate", 0.001),
        ("rate: '0.5'", "rate", 0.5),
        ("rate: 1", "rate", 1.0),
        ("rate: null", "rate", None),
        ("epochs: 1e2", "epochs", 100),
        ("epochs: 1.0e+2", "epochs", 100),
        ("epochs: '16'", "epochs", 16),
        ("data: 0", "data", "0"),
        ("freeze: '10'", "freeze", 10),
        ("freeze: neck", "freeze", "neck"),
        ("quick: 'yes'", "quick", True),
        ("quick: 'True'", "quick", True),
        ("quick: 0", "quick", False),
        ("quick: on", "quick", True),
        ("allow: one", "allow", ("one",)),
        ("allow: [one, two]", "allow", ("one", "two")),
    ],
)
def test_yaml_may_write_a_number_as_text_and_text_as_a_number(
    tmp_path: Path, text: str, field: str, value: object
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    config = Options.build({"data": "x"} | read_option_file(path))
    found = getattr(config, field)
    assert (found, type(found)) == (value, type(value))


def test_a_number_that_is_text_keeps_its_range() -> None:
    with pytest.raises(ConfigError, match=r"epochs: must be a whole number of at least 1, not '0'"):
        Options.build({"data": "x", "epochs": "0"})


def test_an_option_of_another_tool_gets_the_right_word() -> None:
    with pytest.raises(ConfigError) as caught:
        Options.build({"data": "x", "project": "p"})
    assert caught.value.problems == ("project: is called out here",)


class Paths(Config, frozen=True, kw_only=True):
    JOB: ClassVar[str] = "t"

    one: AnyPath
    many: AnyPaths = ()
    text: PathText = ""


@pytest.mark.parametrize("given", ["./a/b", Path("a/b")])
def test_a_path_may_be_text_or_a_path(given: str | Path) -> None:
    built = Paths.build({"one": given, "many": [given, "c"], "text": given})
    assert built == Paths(one=Path("a/b"), many=(Path("a/b"), Path("c")), text=str(given))
    assert Paths.build({"one": "a", "many": given}).many == (Path("a/b"),)


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Paths.build({"one": 3, "many": [4]})
    assert caught.value.problems == ("one: must be a path, not 3", "many: must be a path, not [4]")
