"""The classes of a model and of a data set, mapped by name; never by index."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.suggest import nearest
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import I64, Detections

_UNKNOWN = -1


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """Which class of a data set each class of a model is.

    Attributes:
        data_ids: (C,) int64; for each class of the model its id in the data set, or -1.
        extra: Classes of the model that the data set does not have.
    """

    data_ids: I64
    extra: tuple[str, ...]

    def apply(self, detections: Detections) -> Detections:
        """Return the detections with the data set's class ids, without those of ``extra``."""
        class_ids = self.data_ids[detections.class_ids]
        known = class_ids != _UNKNOWN
        return replace(detections[known], class_ids=class_ids[known])


def map_classes(model_names: Sequence[str], data_names: Sequence[str]) -> ClassMap:
    """Map a model's classes to those of a data set by their names.

    A model may know more classes than the data set has labels for, such as one for all of COCO
    on a set of cars: their detections can be neither right nor wrong, so they are left out, and
    the caller says so. The other way round it is an error: a class that the model cannot find
    would count as never found, and a mere difference in spelling would look like a bad model.

    Args:
        model_names: By class id.
        data_names: By class id.

    Raises:
        ConfigError: The data set has a class that the model does not know, or a name means
            two classes.
    """
    problems = [
        f"the {side} has several classes called {name!r}"
        for side, names in (("model", model_names), ("data set", data_names))
        for name, count in Counter(names).items()
        if count > 1
    ]
    for name in data_names:
        if name not in model_names:
            guess = nearest(name, model_names)
            hint = f": it has {guess!r}" if guess is not None else ""
            problems.append(f"the model does not know the class {name!r} of the data set{hint}")
    if problems:
        raise ConfigError(
            "the classes of the model and of the data set do not fit together:",
            problems=problems,
            hint=f"the model's classes are {', '.join(model_names)}; rename those of the data "
            "set in its data.yaml, or train the model on it",
        )
    ids = {name: index for index, name in enumerate(data_names)}
    return ClassMap(
        data_ids=np.array([ids.get(name, _UNKNOWN) for name in model_names], np.int64),
        extra=tuple(name for name in model_names if name not in ids),
    )
