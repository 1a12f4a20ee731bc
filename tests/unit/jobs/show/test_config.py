"""The options of a look are checked before anything is read."""

from __future__ import annotations

import pytest

from yolokit.errors import ConfigError
from yolokit.jobs.show.config import ShowConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "x.gif"}, "out: must end in .html, .png or .jpg, not 'x.gif'"),
        ({"task": "segmnt"}, "task: unknown task 'segmnt': did you mean 'segment'?"),
        ({"task": "classify"}, "task: unknown task 'classify'"),
        ({"from_format": "cocoa"}, "from: unknown format 'cocoa': did you mean 'coco'?"),
        ({"images": "nowhere"}, "images: nowhere does not exist"),
        ({"assume": "exif"}, "assume: 'exif' is not KEY=VALUE"),
        ({"count": 0}, "count: must be a whole number of at least 1"),
        ({"count": 201}, "count: must be a whole number of at most 200"),
        ({"batch": 4}, "batch: needs --augmented"),
        ({"last_epochs": True}, "last-epochs: needs --augmented"),
        ({"augmented": True, "classes": ["cat"]}, "class: is about labels, not about --augmented"),
        ({"augmented": True, "split": "val"}, "split: is about labels, not about --augmented"),
        ({"augmented": True, "from_format": "yolo"}, "from: is about labels"),
    ],
)
def test_mistakes_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ShowConfig.build({"source": "d", **options})
    assert message in str(caught.value)


def test_a_page_is_made_unless_a_picture_is_asked_for() -> None:
    assert ShowConfig.build({"source": "d"}).is_page
    assert ShowConfig.build({"source": "d", "out": "x.HTML"}).is_page
    assert not ShowConfig.build({"source": "d", "out": "x.JPG"}).is_page
