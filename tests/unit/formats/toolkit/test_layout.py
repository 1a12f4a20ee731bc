"""Splits by folders, and the folders in which images may lie."""

from __future__ import annotations

from pathlib import Path

from yolokit.formats.toolkit.layout import SourceLayout, find_split_folders


def test_the_split_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    root = tmp_path / "train set"
    root.mkdir()
    layout = SourceLayout(root)
    assert layout.split_of(root / "val/deep/a.json") == "val"
    assert layout.split_folder(root / "val/deep/a.json") == root / "val"
    assert layout.split_of(root / "test/val/a.json") == "val"
    assert layout.split_of(root / "test/train and val/a.json") == "test"
    assert layout.split_of(root / "a.json") is None
    assert layout.split_folder(root / "a.json") == root
    assert layout.split_of(tmp_path / "test/a.json") is None


def test_a_files_own_name_counts_where_it_holds_a_whole_set(tmp_path: Path) -> None:
    layout = SourceLayout(tmp_path)
    assert layout.split_of(tmp_path / "val/train.json", holds_set=True) == "train"
    assert layout.split_of(tmp_path / "val/all.json", holds_set=True) == "val"
    assert layout.split_of(tmp_path / "val/train 12.json") == "val"


def test_folders_of_images(tmp_path: Path) -> None:
    roots = SourceLayout(tmp_path).image_roots(tmp_path / "annotations/train.json", "train")
    assert str(tmp_path / "images/train") in roots
    assert len(set(roots)) == len(roots)
    there = tmp_path / "there"
    said = SourceLayout(tmp_path, there).image_roots(tmp_path / "a.json")
    assert {str(there / "images"), str(there)} <= set(said)
    assert all(root.startswith(str(there)) for root in said)


def test_folders_beside_those_of_annotations(tmp_path: Path) -> None:
    layout = SourceLayout(tmp_path)
    for folder in ("annotations", "annotations/xmls", "Annotations", "labels", "xml", "annots"):
        roots = layout.image_roots(tmp_path / folder / "a.xml")
        assert str(tmp_path / "images") in roots
        assert str(tmp_path / "JPEGImages") in roots
        assert roots[-1] == str(tmp_path)
    roots = layout.image_roots(tmp_path / "annotations/cam/a.xml")
    assert roots.index(str(tmp_path / "images/cam")) < roots.index(str(tmp_path / "images"))
    roots = layout.image_roots(tmp_path / "val/annotations/a.xml", "val")
    assert roots.index(str(tmp_path / "val/images")) < roots.index(str(tmp_path))


def test_folders_of_a_subset_are_those_that_are_there(tmp_path: Path) -> None:
    layout = SourceLayout(tmp_path)
    file = tmp_path / "annotations/day.json"
    assert layout.subset_roots(file, "day") == ()
    for folder in ("images/day", "day/images"):
        (tmp_path / folder).mkdir(parents=True)
    found = [str(tmp_path / folder) for folder in ("images/day", "day/images", "day")]
    assert layout.subset_roots(file, "day") == tuple(found)
    assert layout.subset_roots(file, "../annotations") == layout.subset_roots(file, "..") == ()
    there = SourceLayout(tmp_path, tmp_path / "images")
    assert there.subset_roots(file, "day") == (str(tmp_path / "images/day"),)


def test_folders_that_are_called_as_splits_are(tmp_path: Path) -> None:
    for name in ("validation", "train", "valid", "train 2", "others"):
        (tmp_path / name).mkdir()
    val = (tmp_path / "valid", tmp_path / "validation")
    assert find_split_folders(tmp_path) == {"train": (tmp_path / "train",), "val": val}
