"""Findings: refused with what allows them, or passed on as warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.core.findings import Finding, find_unknown_codes, require_allowed
from yolokit.errors import DataError

NO_LABELS = Finding("no-labels", "no image has a label file", Path("set"), "look in labels/")
CORNER = Finding("boxes-in-corner", "all 20 boxes lie in one corner")


def test_nothing_found_is_no_word() -> None:
    assert require_allowed([], ()) == []


def test_one_is_refused_with_how_to_mend_and_how_to_allow_it() -> None:
    with pytest.raises(DataError, match=r"^set: no image has a label file$") as caught:
        require_allowed([NO_LABELS], ("boxes-in-corner",))
    assert caught.value.hint == "look in labels/; if it is right nevertheless: --allow no-labels"


def test_several_are_listed_together() -> None:
    with pytest.raises(DataError, match="2 things cannot be right") as caught:
        require_allowed([NO_LABELS, CORNER], ())
    assert "  set: no image has a label file\n  all 20 boxes" in str(caught.value)
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("--allow boxes-in-corner --allow no-labels")


def test_what_is_allowed_stays_said() -> None:
    assert require_allowed([NO_LABELS], ["no-labels"]) == [
        "set: no image has a label file (allowed: no-labels)"
    ]


def test_an_unknown_code_gets_a_suggestion() -> None:
    (sentence,) = find_unknown_codes(["no-label"], ["no-labels", "boxes-in-corner"])
    assert sentence == "allow: unknown code 'no-label': did you mean 'no-labels'?"
