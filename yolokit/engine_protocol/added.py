"""Adding classes to a detector that stays as it is: what is asked for, and what was proved."""

from __future__ import annotations

import msgspec

from yolokit.files.digest import FileDigest


class AddedClasses(msgspec.Struct, frozen=True, kw_only=True):
    """Which classes a detector gets, and how a data set numbers them.

    Attributes:
        old: Names of the detector's classes, which keep their numbers.
        new: Names of the classes that are added; their numbers follow.
        class_ids: For each class of the data set, its number in the new detector.
    """

    old: list[str]
    new: list[str]
    class_ids: list[int]

    @property
    def names(self) -> list[str]:
        """All class names by number."""
        return [*self.old, *self.new]


class AddingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a training that adds classes needs to know.

    Attributes:
        weights: File of the detector that stays as it is.
        digest: What that file must be.
        trust: Load it even if that runs code which is stored in it.
        classes: Names and numbers; None until the engine has read the detector's.
    """

    weights: str
    digest: FileDigest
    trust: bool = False
    classes: AddedClasses | None = None


class AddingProof(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison of the old detector with the new one showed, in torch and FP32.

    Attributes:
        images: Images of val that both were run on.
        old_tensors: Tensors of the old detector.
        changed_tensors: How many of them have other values in the new one.
        max_score_diff: Largest difference of an old class's score at any anchor.
        max_box_diff_px: Largest difference of an old box's edge, in px of the input.
        max_stray_score: Largest score that an old class has at a new anchor, or a new class at an
            old one.
        parameters: How many the old detector and the new one have.
        flops: Operations for one image at ``imgsz``, of the old detector and of the new one.
        imgsz: Side of the square input in px.
    """

    images: int
    old_tensors: int
    changed_tensors: int
    max_score_diff: float
    max_box_diff_px: float
    max_stray_score: float
    parameters: tuple[int, int]
    flops: tuple[int, int]
    imgsz: int

    @property
    def growth(self) -> tuple[float, float]:
        """By which share of the old detector's parameters and FLOPs grew."""
        (old_size, size), (old_flops, flops) = self.parameters, self.flops
        return size / old_size - 1, flops / old_flops - 1

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing that is not as it was."""
        found = []
        if self.changed_tensors:
            found.append(f"{self.changed_tensors} of {self.old_tensors} old tensors changed")
        if not self.max_score_diff <= MAX_SCORE_DIFF:
            found.append(f"scores of old classes differ by up to {self.max_score_diff:.3g}")
        if not self.max_box_diff_px <= MAX_BOX_DIFF_PX:
            found.append(f"boxes of old classes differ by up to {self.max_box_diff_px:.3g} px")
        if not self.max_stray_score <= MAX_STRAY_SCORE:
            found.append(f"a class scores {self.max_stray_score:.3g} where it has no anchors")
        return found


# Rounding of FP32; measured: 0 to 2.4e-7 in scores, 0 to 6.1e-5 px at 640 px.
MAX_SCORE_DIFF = 1e-6
MAX_BOX_DIFF_PX = 1e-3
MAX_STRAY_SCORE = 1e-9
