"""Whether a start was trained on the images that the folds are measured on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.plural import counted, share
from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.train.image_hashes import HASHES_FILE

if TYPE_CHECKING:
    from yolokit.checkpoints.lineage import WeightsRecord
    from yolokit.train.folds.images import FoldImages


def warn_of_seen(weights: WeightsRecord | None, found: FoldImages) -> str | None:
    """Return a warning if the run that saved the weights was trained on images of the folds.

    That run's folder has the hashes of its images. Of weights that lie elsewhere nothing is known.
    """
    if weights is None:
        return None
    try:
        text = read_bounded(Path(weights.path).parent / HASHES_FILE).decode()
    except (OSError, DataError, UnicodeDecodeError):  # there is none, so nothing is known
        return None
    lines = (line.partition("  ") for line in text.splitlines())
    trained = {digest for digest, _, name in lines if name.startswith("train/")}
    seen = sum(digest in trained for digest in found.digests)
    if not seen:
        return None
    are = share(seen, counted(len(found.digests), "image"), "was", "were")
    return (
        f"{are} what {Path(weights.path).name} was trained on: the figures of the folds will look "
        "too good; start from weights that have not seen these images"
    )
