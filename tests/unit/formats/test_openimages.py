"""Open Images CSV as Google, FiftyOne and Datumaro write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import Convert, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import openimages
from yolokit.formats.toolkit.plugin import recognise
from yolokit.formats.toolkit.source_tree import SourceTree

HEAD = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
)
NAMES = "/m/01g317,Person\n/m/0k4j,Car\n/m/09j2d,Clothing\n"


def row(
    image: str = "000a1249af2bc5f0",
    mid: str = "/m/0k4j",
    edges: str = "0.25,0.75,0.5,1",
    flags: str = "0,0,0,0,0",
) -> str:
    return f"{image},xclick,{mid},1,{edges},{flags}"


def table(root: Path, *rows: str, name: str = "train-annotations-bbox.csv") -> Path:
    return write_text(root / name, "\n".join([HEAD, *rows]) + "\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_text(tmp_path / "class-descriptions-boxable.csv", NAMES)
    write_image(tmp_path / "train/000a1249af2bc5f0.jpg", 64, 48)
    return tmp_path


def test_edges_go_x_x_y_y_in_fractions_of_the_image(root: Path) -> None:
    table(root, row(edges="0.25,0.75,0.5,1"))
    found = read_set("openimages", root)
    assert found.boxes == {"000a1249af2bc5f0.jpg": [("Car", [16, 24, 48, 48])]}
    image = found.images[0].image
    assert (image.image_wh, image.split) == ((64, 48), "train")
    assert image.path == str(root / "train/000a1249af2bc5f0.jpg")
    assert found.images[0].annotations.places.tolist() == [2]


def test_columns_are_found_by_name(root: Path) -> None:
    text = "YMax,XClick1X,LabelName,YMin,XMax,ImageID,XMin\n1,-1,/m/0k4j,0.5,0.75,000a1249af2bc5f0,"
    write_text(root / "train-annotations-bbox.csv", text + "0.25\n")
    assert read_set("openimages", root).boxes == {
        "000a1249af2bc5f0.jpg": [("Car", [16, 24, 48, 48])]
    }


def test_machine_ids_get_their_names_in_the_order_of_the_class_file(root: Path) -> None:
    table(root, row(mid="/m/0k4j"), row(mid="/m/01g317"), row(mid="/m/none"))
    found = read_set("openimages", root)
    assert found.dataset.names == ("Person", "Car", "/m/none")
    assert [one.source_id for one in found.dataset.categories] == [
        "/m/01g317", "/m/0k4j", "/m/none"
    ]  # fmt: skip
    evidence = " ".join(found.dataset.evidence)
    assert "class-descriptions-boxable.csv names the classes" in evidence
    assert "no name for /m/none" in evidence


def test_without_a_class_file_machine_ids_are_the_names(root: Path) -> None:
    (root / "class-descriptions-boxable.csv").unlink()
    table(root, row())
    found = read_set("openimages", root)
    assert found.dataset.names == ("/m/0k4j",)
    assert "machine ids are taken as names" in found.dataset.evidence[0]


def test_a_class_file_with_a_head_and_two_classes_of_one_name(root: Path) -> None:
    text = 'LabelName,DisplayName\n/m/01g317,Crab\n/m/0k4j,"Crab"\n'
    write_text(root / "class-descriptions-boxable.csv", text)
    table(root, row(mid="/m/0k4j"), row(mid="/m/01g317"))
    assert read_set("openimages", root).dataset.names == ("Crab (/m/01g317)", "Crab (/m/0k4j)")


@pytest.mark.parametrize(
    ("assume", "kept"),
    [
        ({}, [2, 4, 5]),
        ({"group-of": "keep"}, [2, 3, 4, 5]),
        ({"depiction": "exclude"}, [2, 5]),
    ],
)
def test_groups_and_depictions(assume: dict[str, str], kept: list[int], root: Path) -> None:
    flags = ["0,0,0,0,0", "0,0,1,0,0", "0,0,0,1,0", "-1,-1,-1,-1,-1"]
    table(root, *(row(flags=one) for one in flags))
    found = read_set("openimages", root, assume=assume)
    assert found.images[0].annotations.places.tolist() == kept
    codes = {3: "isgroupof", 4: "isdepiction"}
    assert found.entries == [
        ("excluded", codes[line], line) for line in (2, 3, 4, 5) if line not in kept
    ]
    assert found.ledger.totals.annotations_in == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_decimal_commas(delimiter: str, root: Path) -> None:
    quote = '"' if delimiter == "," else ""
    edges = [f"{quote}{value}{quote}" for value in ("0,25", "0,75", "0,5", "1")]
    cells = ["000a1249af2bc5f0", "xclick", "/m/0k4j", "1", *edges, *"00000"]
    text = "\ufeff" + HEAD.replace(",", delimiter) + "\r\n" + delimiter.join(cells) + "\r\n"
    write_text(root / "train-annotations-bbox.csv", text)
    found = read_set("openimages", root)
    assert found.boxes == {"000a1249af2bc5f0.jpg": [("Car", [16, 24, 48, 48])]}
    assert "1 row has decimal commas" in found.dataset.evidence[-1]
    assert recognise(root)[0] == "openimages"


@pytest.mark.parametrize("image_id", ["b.jpg", "b.JPG", "a.b", "sub/c", "b"])
def test_an_image_id_with_or_without_an_extension(image_id: str, tmp_path: Path) -> None:
    for name in ("b.jpg", "a.b.png", "sub/c.jpg"):
        write_image(tmp_path / "images/validation" / name, 64, 48)
    path = table(tmp_path, row(image_id), name="annotations/validation-annotations-bbox.csv")
    for source in (path, tmp_path):
        found = read_set("openimages", source)
        (name,) = found.boxes
        assert name in ("b.jpg", "a.b.png", "sub/c.jpg")
        assert found.images[0].image.split == "val"
        assert not [entry for entry in found.entries if entry[0] == "dropped"]


def test_rows_of_one_image_need_not_stand_together(root: Path) -> None:
    write_image(root / "train/b.jpg")
    table(root, row("b"), row(), row("b", "/m/01g317", "0,1,0,1"))
    found = read_set("openimages", root)
    assert [name for name, _ in found.boxes["b.jpg"]] == ["Car", "Person"]
    assert found.images[0].annotations.places.tolist() == [2, 4]
    assert found.dataset.image_count == 2


def test_splits_by_file_name(root: Path) -> None:
    for split, folder in (("validation", "validation"), ("test", "test")):
        write_image(root / folder / f"{split}.jpg")
        table(root, row(split), name=f"{split}-annotations-bbox.csv")
    table(root, row(), name="oidv6-train-annotations-bbox.csv")
    found = read_set("openimages", root)
    assert found.dataset.has_splits
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "000a1249af2bc5f0.jpg": "train", "test.jpg": "test", "validation.jpg": "val",
    }  # fmt: skip


def test_the_folders_of_fiftyone(tmp_path: Path) -> None:
    write_image(tmp_path / "validation/data/a.jpg", 64, 48)
    table(tmp_path, row("a"), name="validation/labels/detections.csv")
    write_text(tmp_path / "validation/metadata/classes.csv", NAMES)
    for source in (tmp_path, tmp_path / "validation/labels/detections.csv"):
        found = read_set("openimages", source)
        assert found.boxes == {"a.jpg": [("Car", [16, 24, 48, 48])]}
    assert read_set("openimages", tmp_path).images[0].image.split == "val"


@pytest.mark.parametrize(
    "name",
    [
        "train-image_ids_and_rotation.csv",
        "train-images-with-rotation.csv",
        "train-images-boxable-with-rotation.csv",
        "oidv6-train-images-with-labels-with-rotation.csv",
        "image_ids_and_rotation.csv",
        "metadata/images.csv",
    ],
)
def test_a_list_of_images_brings_the_background_images(name: str, root: Path) -> None:
    write_image(root / "train/empty.jpg")
    table(root, row())
    head = "ImageID,Subset,OriginalURL,Rotation\n"
    text = head + "000a1249af2bc5f0,train,,\nempty,train,,90.0\nfar,validation,,0.0\n"
    write_text(root / name, text)
    found = read_set("openimages", root)
    assert found.boxes["empty.jpg"] == []
    assert len(found.boxes) == 2
    assert ("noted", "no-annotation-file", None) in found.entries
    assert any("1 image without rows" in text for text in found.dataset.evidence)
    assert any("1 image has a Rotation" in text for text in found.dataset.evidence)


def test_a_list_of_ids_alone_and_a_subset_without_boxes(root: Path) -> None:
    write_image(root / "train/empty.jpg")
    write_image(root / "test/empty.jpg")
    table(root, row())
    write_text(root / "train-images-with-rotation.csv", "ImageID\nempty\n")
    write_text(root / "test-images-with-rotation.csv", "empty\n")
    found = read_set("openimages", root)
    assert sorted((one.image.split or "", one.image.file_name) for one in found.images) == [
        ("test", "empty.jpg"),
        ("train", "000a1249af2bc5f0.jpg"),
        ("train", "empty.jpg"),
    ]


def test_of_google_lists_the_one_of_images_with_boxes_is_taken(root: Path) -> None:
    table(root, row())
    write_text(root / "train-images-boxable-with-rotation.csv", "ImageID,Subset\n")
    write_text(root / "train-images-with-labels-with-rotation.csv", "ImageID,Subset\nother,train\n")
    assert list(read_set("openimages", root).boxes) == ["000a1249af2bc5f0.jpg"]


def test_an_image_with_excluded_boxes_alone_stays(root: Path) -> None:
    table(root, row(flags="0,0,1,0,0"))
    assert read_set("openimages", root).boxes == {"000a1249af2bc5f0.jpg": []}


@pytest.mark.parametrize(
    ("broken", "code", "words"),
    [
        ("a,b", "bad-row", "2 cells"),
        (row(edges="x,0.75,0.5,1"), "bad-row", "x 0.5 0.75 1"),
        (row(edges="nan,0.75,0.5,1"), "no-fraction", "nan 0.5 0.75 1"),
        (row(edges="0.25,0.75,0.5,nan"), "no-fraction", "0.25 0.5 0.75 nan"),
        (row(edges="inf,0.75,0.5,1"), "no-fraction", "not in fractions"),
        (row(edges="10,200,10,200"), "no-fraction", "10 10 200 200"),
        (row(mid=""), "bad-row", "no LabelName"),
        (row(image=""), "bad-row", "no ImageID"),
        (row(image="gone"), "missing-image", "gone was not found"),
        (row(image="../../etc/passwd"), "unsafe-name", "climbs out"),
        (row(image="/etc/passwd"), "missing-image", "was not found"),
    ],
)
def test_a_broken_row_is_entered_with_its_line(
    broken: str, code: str, words: str, root: Path
) -> None:
    table(root, row(), broken)
    found = read_set("openimages", root)
    assert [entry for entry in found.entries if entry[0] == "dropped"] == [("dropped", code, 3)]
    assert words in found.ledger.entries[0].message
    assert len(found.boxes["000a1249af2bc5f0.jpg"]) == 1
    assert found.ledger.totals.annotations_in == 2


def test_all_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    table(tmp_path, row(), name="train-annotations-bbox.csv")
    (tmp_path / "train-annotations-bbox.csv").write_bytes(HEAD.encode() + b"\n\xff\xfe,1\n")
    long = HEAD + "\n" + "x" * 200_000 + "\n"
    write_text(tmp_path / "test-annotations-bbox.csv", long)
    with pytest.raises(DataError, match="2 broken annotation files") as caught:
        read_set("openimages", tmp_path)
    assert "not UTF-8 text" in str(caught.value)
    assert "bbox.csv:2: this is not CSV" in str(caught.value)


def test_a_file_without_the_columns_is_an_error(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "filename,class\na.jpg,cat\n")
    with pytest.raises(DataError, match="lacks ImageID, LabelName"):
        read_set("openimages", path)
    with pytest.raises(DataError, match="the table is empty"):
        read_set("openimages", write_text(tmp_path / "b.csv", ""))


def test_labels_only_is_refused(root: Path) -> None:
    table(root, row())
    with pytest.raises(DataError, match="states no image sizes"):
        read_set("openimages", root, labels_only=True)


@pytest.mark.parametrize(
    "head",
    [
        "ImageID,Source,LabelName,Confidence",
        "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks",
        "filename,width,height,class,xmin,ymin,xmax,ymax",
        "ImageID,LabelName1,LabelName2,XMin1,XMax1,YMin1,YMax1",
    ],
)
def test_other_tables_are_not_recognised(head: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", head + "\n")
    assert openimages.sniff(SourceTree(tmp_path)) is None


def test_a_conversion(root: Path, run_convert: Convert) -> None:
    table(root, row(), row(mid="/m/01g317", edges="0,1.0004,0,1"), row(flags="0,0,1,0,0"))
    result = run_convert(root, split="keep")
    assert result.from_formats == ("openimages",)
    assert (result.totals.kept, result.totals.clipped, result.totals.excluded) == (1, 1, 1)
    assert (result.out / "images/train/000a1249af2bc5f0.jpg").is_file()
