"""VisDrone DET as it is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import Convert, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import visdrone
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree

ROWS = "2,8,27,16,0,0,0,0\n10,20,30,5,1,4,0,1,\n1,2,3,4,1,1,0,0\n"


def write_rows(tmp_path: Path, text: str, name: str = "annotations/a.txt") -> Path:
    write_text(tmp_path / name, text)
    return tmp_path


def test_rows_are_left_top_width_height_and_may_end_with_a_comma(tmp_path: Path) -> None:
    found = read_set("visdrone", write_rows(tmp_path, ROWS.replace("\n", "\r\n")))
    assert found.boxes == {"a": [("car", [10, 20, 40, 25]), ("pedestrian", [1, 2, 4, 6])]}
    assert found.images[0].annotations.places.tolist() == [2, 3]


def test_an_empty_file_is_of_an_image_without_objects(tmp_path: Path) -> None:
    for folder in ("annotations", "anywhere"):
        write_rows(tmp_path / folder, ROWS, f"{folder}/a.txt")
        write_rows(tmp_path / folder, "", f"{folder}/b.txt")
        found = read_set("visdrone", tmp_path / folder)
        assert {name: len(boxes) for name, boxes in found.boxes.items()} == {"a": 2, "b": 0}
    write_rows(tmp_path / "anywhere", "Read me\n", "anywhere/README.txt")
    assert list(read_set("visdrone", tmp_path / "anywhere").boxes) == ["a", "b"]


def test_names_are_fixed_whatever_occurs(tmp_path: Path) -> None:
    dataset = read_set("visdrone", write_rows(tmp_path, ROWS)).dataset
    assert dataset.names == visdrone.NAMES[:10]
    assert dataset.names[7:] == ("awning-tricycle", "bus", "motor")


def test_category_0_is_an_ignored_region_whatever_its_score(tmp_path: Path) -> None:
    found = read_set("visdrone", write_rows(tmp_path, "1,2,3,4,0,0,0,0\n1,2,3,4,1,0,0,0"))
    assert found.boxes == {"a": []}
    assert found.entries == [("excluded", "ignored-region", line) for line in (1, 2)]
    assert found.ledger.totals.annotations_in == 2


def test_a_score_of_0_is_ignored(tmp_path: Path) -> None:
    found = read_set("visdrone", write_rows(tmp_path, "1,2,3,4,0,4,0,0\n"))
    assert found.entries == [("excluded", "ignored", 1)]


def test_others_are_left_out_unless_wanted(tmp_path: Path) -> None:
    write_rows(tmp_path, "1,2,3,4,1,11,0,0\n1,2,3,4,0,11,0,0\n")
    found = read_set("visdrone", tmp_path)
    assert found.entries == [("excluded", "others", 1), ("excluded", "others", 2)]
    assert "--assume others" in found.dataset.evidence[0]
    kept = read_set("visdrone", tmp_path, assume={"others": "keep"})
    assert kept.boxes == {"a": [("others", [1, 2, 4, 6])] * 2}
    assert kept.dataset.names == visdrone.NAMES


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1,2,3,4,1,4,0", "bad-row"),
        ("1 2 3 4 1 4 0 0", "bad-row"),
        ("1,2,x,4,1,4,0,0", "bad-row"),
        ("1,2,,4,1,4,0,0", "bad-row"),
        ("1,2,3,4,1,12,0,0", "unknown-class"),
        ("1,2,3,4,1,-1,0,0", "unknown-class"),
        ("1,2,3,4,1,1.5,0,0", "unknown-class"),
        ("1,2,3,4,1,nan,0,0", "unknown-class"),
    ],
)
def test_faulty_rows_are_dropped_with_their_line(row: str, code: str, tmp_path: Path) -> None:
    found = read_set("visdrone", write_rows(tmp_path, f"1,2,3,4,1,4,0,0\n\n{row}\n"))
    assert len(found.boxes["a"]) == 1
    assert found.entries == [("dropped", code, 3)]


def test_lists_of_videos_are_told(tmp_path: Path) -> None:
    write_rows(tmp_path, "1,0,593,43,174,190,1,4,0,0\n")
    with pytest.raises(DataError, match="ten columns, as VisDrone's lists for videos"):
        read_set("visdrone", tmp_path)
    assert visdrone.sniff(SourceTree(tmp_path)) is None


def test_what_is_no_text_is_reported_file_by_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / f"annotations/{name}.txt").write_bytes(b"\xff\xfe1")
    with pytest.raises(DataError, match="2 broken annotation files"):
        read_set("visdrone", tmp_path)
    with pytest.raises(DataError, match="no text files"):
        read_set("visdrone", tmp_path / "annotations/none")


def test_the_published_folders(tmp_path: Path, run_convert: Convert) -> None:
    for split, text in (("train", ROWS), ("val", ""), ("test-dev", "1,2,0,4,1,4,0,0\n")):
        base = f"set/VisDrone2019-DET-{split}"
        write_text(tmp_path / base / "annotations/0000001_d_1.txt", text)
        write_image(tmp_path / base / "images/0000001_d_1.jpg")
    result = run_convert(tmp_path / "set", to_format="yolo")
    assert result.from_formats == ("visdrone",)
    assert {split: counts.images for split, counts in result.splits.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }
    assert result.totals.kept == 2
    assert result.codes == {"dropped: empty-box": 1, "excluded: ignored-region": 1}
    moved = read_set("visdrone", tmp_path / "set", images=tmp_path / "else").images[0]
    assert moved.image.source.image_roots[0].startswith(str(tmp_path / "else"))


def test_sniffing(tmp_path: Path) -> None:
    assert recognise(write_rows(tmp_path / "one", "\ufeff" + ROWS))[0] == "visdrone"
    file = tmp_path / "one/annotations/a.txt"
    assert recognise(file)[0] == "visdrone"
    others = {
        "dota": "1 2 3 4 5 6 7 8 plane 0\n",
        "icdar": "377,117,463,117,465,130,378,130,Genaxis Theatre\n",
        "corners": "377,117,463,117,465,130,378,130\n",
        "yolo": "0 0.5 0.5 0.1 0.1\n",
        "mot": "1,1,912,484,97,109,0,7,1\n",
    }
    for name, text in others.items():
        write_rows(tmp_path / name, text)
        assert visdrone.sniff(SourceTree(tmp_path / name)) is None, name


def test_sniffing_looks_at_a_few_files(tmp_path: Path) -> None:
    for number in range(50):
        write_text(tmp_path / f"{number}.txt", "")
    tree = SourceTree(tmp_path)
    assert visdrone.sniff(tree) is None
    assert len(tree._heads) <= 20
