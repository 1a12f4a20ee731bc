"""Images that are in a split twice, or in several splits."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted, share
from yolokit.datasets.facts import DatasetFacts

CODE = "repeated-images"
TITLE = "images that are listed more than once"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "`yolokit data convert --split 0.8,0.1,0.1` makes new splits, each image in one"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split that repeats images, and each pair of splits that share some."""
    paths = {
        name: {image.path for image in split.listed} for name, split in facts.all_splits.items()
    }
    names = list(paths)
    for at, (name, split) in enumerate(facts.all_splits.items()):
        again = len(split.listed) - len(paths[name])
        if again:
            are = "is listed again, and counts" if again == 1 else "are listed again, and count"
            yield f"{counted(again, 'image')} of {name} {are} each time"
        for other in names[at + 1 :]:
            shared = len(paths[name] & paths[other])
            if shared:
                images = f"the {counted(len(paths[other]), 'image')} of {other}"
                yield (
                    f"{share(shared, images, 'is', 'are')} in {name} as well: the figures of "
                    f"{other} will look too good"
                )
