"""Splits by folders, and the folders in which images may lie."""

from __future__ import annotations

from pathlib import Path

from yolokit.formats.toolkit.layout import find_image_roots, split_of_file


def test_the_split_is_that_of_the_nearest_folder() -> None:
    root = Path("/data/train set")
    assert split_of_file(root / "val/deep/a.json", root, by_name=False) == "val"
    assert split_of_file(root / "test/val/a.json", root, by_name=False) == "val"
    assert split_of_file(root / "a.json", root, by_name=False) is None


def test_a_files_own_name_counts_where_it_is_no_images() -> None:
    root = Path("/data")
    assert split_of_file(root / "val/train.json", root, by_name=True) == "train"
    assert split_of_file(root / "val/train 12.json", root, by_name=False) == "val"


def test_folders_of_images(tmp_path: Path) -> None:
    roots = find_image_roots(tmp_path / "annotations/train.json", tmp_path, None, "train")
    assert str(tmp_path / "images/train") in roots
    assert len(set(roots)) == len(roots)
    there = tmp_path / "there"
    said = find_image_roots(tmp_path / "a.json", tmp_path, there, None)
    assert {str(there / "images"), str(there)} <= set(said)
    assert all(root.startswith(str(there)) for root in said)


def test_folders_beside_those_of_annotations(tmp_path: Path) -> None:
    for folder in ("annotations", "annotations/xmls", "Annotations", "labels", "xml", "annots"):
        roots = find_image_roots(tmp_path / folder / "a.xml", tmp_path, None)
        assert str(tmp_path / "images") in roots
        assert str(tmp_path / "JPEGImages") in roots
        assert roots[-1] == str(tmp_path)
    roots = find_image_roots(tmp_path / "annotations/cam/a.xml", tmp_path, None)
    assert roots.index(str(tmp_path / "images/cam")) < roots.index(str(tmp_path / "images"))
    roots = find_image_roots(tmp_path / "val/annotations/a.xml", tmp_path, None, "val")
    assert roots.index(str(tmp_path / "val/images")) < roots.index(str(tmp_path))
