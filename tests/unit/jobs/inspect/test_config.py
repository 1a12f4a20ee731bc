"""Options that do not go together."""

from __future__ import annotations

from typing import Any

import pytest

from yolokit.errors import ConfigError
from yolokit.jobs.inspect.config import InspectConfig


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"layers": ["stem"]}, "--layer: has no effect without --image"),
        ({"out": "a.png"}, "--out: has no effect without --image"),
        ({"image": "a.jpg", "out": "a.txt"}, "must end with .png or .jpg"),
        ({"imgsz": 100}, "must be a multiple of 32"),
        ({"trust": "other.pt"}, "must name the file that is looked into"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        InspectConfig.build({"model": "best.pt", **options})
    assert problem in str(caught.value)
