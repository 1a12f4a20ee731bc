"""Options are checked as a whole: every mistake is listed, nothing is guessed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from yolokit.core.config import build_config, read_yaml_mapping
from yolokit.errors import ConfigError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    data: str
    epochs: Annotated[int, Meta(ge=1)] = 10
    mode: Literal["fast", "slow"] = "fast"
    freeze: Annotated[int, Meta(ge=0)] | Literal["backbone", "neck"] = 0
    rate: Annotated[float, Meta(ge=0)] | None = 0.1
    quick: bool = False
    colour: Colour = Colour.RED
    allow: tuple[str, ...] = ()


def test_defaults_fill_in() -> None:
    assert build_config(Options, {"data": "x"}, what="t") == Options(data="x")


def test_all_mistakes_come_at_once() -> None:
    values = {"epochs": 0, "mode": "fats", "epohcs": 3}
    with pytest.raises(ConfigError) as caught:
        build_config(Options, values, what="t", also=lambda v: [f"seen {v['epochs']}"])
    problems = caught.value.problems
    assert len(problems) == 5
    assert "did you mean 'epochs'" in problems[0]
    assert problems[1] == "epochs: must be int >= 1, not 0"
    assert problems[2] == "mode: must be one of fast, slow, not 'fats'"
    assert problems[3] == "data: is missing"
    assert problems[4] == "seen 10", "checks between fields see the default of a wrong field"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"freeze": "all"}, "freeze: must be backbone, neck or a whole number, not 'all'"),
        ({"freeze": 1.5}, "freeze: must be backbone, neck or a whole number, not 1.5"),
        ({"mode": True}, "mode: must be one of fast, slow, not True"),
        ({"colour": "rde"}, "colour: must be one of red, blue, not 'rde'"),
        ({"colour": 7}, "colour: must be one of red, blue, not 7"),
        ({"data": "a\0b"}, r"data: must be text without zero bytes, not 'a\x00b'"),
    ],
)
def test_a_mistake_says_what_is_right(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_config(Options, {"data": "x"} | values, what="t")
    assert caught.value.problems == (problem,)


def test_options_of_other_tools_are_known_with_dashes_as_well() -> None:
    with pytest.raises(ConfigError) as caught:
        build_config(Options, {"data": "x", "No-Mode": 1}, what="t", foreign={"no_mode": "is fast"})
    assert caught.value.problems == ("No-Mode: is fast",)


@pytest.mark.parametrize("value", ["three", "3.5", "nan", "null", 3.5, True, None, [3]])
def test_what_is_no_such_number_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="epochs"):
        build_config(Options, {"data": "x", "epochs": value}, what="t")


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
    config = build_config(Options, {"data": "x"} | read_yaml_mapping(path), what="t")
    found = getattr(config, field)
    assert (found, type(found)) == (value, type(value))


def test_a_number_that_is_text_keeps_its_range() -> None:
    with pytest.raises(ConfigError, match=r"epochs: must be int >= 1, not '0'"):
        build_config(Options, {"data": "x", "epochs": "0"}, what="t")


def test_an_option_of_another_tool_gets_the_right_word() -> None:
    foreign = {"project": "is called out here"}
    with pytest.raises(ConfigError) as caught:
        build_config(Options, {"data": "x", "project": "p"}, what="t", foreign=foreign)
    assert caught.value.problems == ("project: is called out here",)


def test_yaml_is_never_executed(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: !!python/object/apply:os.system ['touch pwned']\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:1"):
        read_yaml_mapping(path)
    assert not Path("pwned").exists()


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "a: [1\n", "1: 2\n", "\x00"])
def test_other_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        read_yaml_mapping(path)


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("# nothing\n")
    assert read_yaml_mapping(path) == {}
