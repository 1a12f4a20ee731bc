"""Options that other tools have to measure a model, each with the name or the reason here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.runtime.other_words import WORDS_OF_RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS_OF_VAL: Mapping[str, str] = MappingProxyType(
    {
        **WORDS_OF_RUNS,
        **dict.fromkeys(
            ("model", "weights"), "has no option: the model comes first, `yolokit val MODEL ...`"
        ),
        "task": "is not asked for: the model says what it is for, and split what it is measured on",
        **dict.fromkeys(
            ("save_json", "save_txt", "save_conf", "save_hybrid"),
            "is not offered: metrics.json has the figures, and `yolokit predict` writes boxes",
        ),
        "plots": "is not offered: metrics.json has the figures",
        "single_cls": "is not offered: `yolokit data convert --map 'a,b,...=object'` makes one "
        "class of all",
        "classes": "is not offered: `yolokit data convert --keep a,b` makes a set of some classes",
    }
)
