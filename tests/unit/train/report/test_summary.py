from __future__ import annotations

from pathlib import Path

from tests.unit.train.report.runs import make_folder
from yolokit.train.report.summary import summarize


def _list_unfound(folder: Path, jitter_px: float, *, is_kept: bool = True) -> list[str]:
    record = make_folder(folder, jitter_px=jitter_px)
    if not is_kept:
        (folder / "best.detections.npz").unlink()
    return [one for one in summarize(record, folder).advice if "no object is found" in one]


def test_a_class_of_which_nothing_is_found_is_named(tmp_path: Path) -> None:
    assert _list_unfound(tmp_path / "good", 1) == []
    assert _list_unfound(tmp_path / "gone", 500, is_kept=False) == []
    cat, dog = _list_unfound(tmp_path / "lost", 500)
    assert cat.startswith("Of cat no object is found, of 16 on val: train longer")
    assert dog.startswith("Of dog")
