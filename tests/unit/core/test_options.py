"""What a value may be, in words, as its type states it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from yolokit.core.config import Config
from yolokit.core.options import Option, Setting, describe_values, list_options, list_settings


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, ""),
        (Annotated[int, Meta(ge=1)], "at least 1"),
        (Annotated[float, Meta(ge=0, le=1)], "0 to 1"),
        (Annotated[float, Meta(gt=0, le=1)] | None, "above 0 and at most 1"),
        (Annotated[float, Meta(ge=0, lt=1)], "at least 0 and below 1"),
        (Annotated[int, Meta(lt=5)], "below 5"),
        (Literal["a", "b"], "a, b"),
        (Annotated[int, Meta(ge=1)] | Literal["auto"], "auto, or at least 1"),
        (Colour, "red, blue"),
    ],
)
def test_values_in_words(hint: Any, words: str) -> None:
    assert describe_values(hint) == words


class _Example(Config, frozen=True, kw_only=True):
    size: Annotated[int, Option("Size.", "N")] = 3
    loud: Annotated[bool, Option("Be loud.")] = False
    mixed: Annotated[bool, Setting("Mix.")] = True
    inner: int = 0


def test_a_setting_is_no_option_and_a_plain_field_is_neither() -> None:
    assert [one.name for one in list_settings(_Example)] == ["size", "loud", "mixed"]
    assert [one.name for one in list_options(_Example)] == ["size", "loud"]
    assert [one.default for one in list_settings(_Example)] == ["3", "", "true"]
