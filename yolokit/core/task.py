"""What a network or a set of labels is for: the one list of tasks that all parts share.

Which of them a part supports is asked of its plug-ins: a format states what it reads, and what the
runtime runs is what has a module in ``runtime/tasks``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias


class Task(StrEnum):
    """A task, by the name that users type and files hold.

    ``DETECT`` finds upright boxes, ``SEGMENT`` outlines as well, ``POSE`` keypoints as well,
    ``OBB`` boxes that may be turned; ``CLASSIFY`` tells what a whole image shows.
    """

    DETECT = "detect"
    SEGMENT = "segment"
    POSE = "pose"
    OBB = "obb"
    CLASSIFY = "classify"

    def __repr__(self) -> str:
        """Return the quoted name: messages show a task as they show any other value."""
        return repr(self.value)


# For type checkers: what may be given where a config holds a task.
if TYPE_CHECKING:
    AnyTask: TypeAlias = Task | Literal["detect", "segment", "pose", "obb", "classify"]
else:
    AnyTask = Task
