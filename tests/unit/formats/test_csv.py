"""CSV as Kaggle, Roboflow, RetinaNet and people write it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.conftest import Convert, read_set, write_image, write_text
from yolokit.errors import DataError
from yolokit.formats import csv
from yolokit.formats.toolkit.locate import locate_images
from yolokit.formats.toolkit.plugin import ReadOptions, load_format
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.ledger import Ledger

ROBOFLOW = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
ANY = {"a.jpg": [("cat", [4, 6, 20, 30])]}


def write_csv(root: Path, text: str, name: str = "labels.csv") -> Path:
    return write_text(root / name, text)


def test_roboflow_with_a_file_a_split(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        text = f"{ROBOFLOW}{split}.jpg,64,48,cat,4,6,20,30\n{split}.jpg,64,48,dog,1,2,3,4\n"
        write_csv(tmp_path, text, f"{split}/_annotations.csv")
    found = read_set("csv", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "test.jpg": "test",
        "train.jpg": "train",
        "valid.jpg": "val",
    }
    assert found.boxes["valid.jpg"] == [("cat", [4, 6, 20, 30]), ("dog", [1, 2, 3, 4])]
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[0].annotations.places.tolist() == [2, 3]
    assert str(tmp_path / "test") in found.images[0].image.source.image_roots
    assert "boxes are xyxy by the header" in " ".join(found.dataset.evidence)


def test_kaggle_wheat_with_a_list_in_one_column(tmp_path: Path) -> None:
    text = (
        "image_id,width,height,bbox,source\n"
        'b6ab77fd7,1024,1024,"[834.0, 222.0, 56.0, 36.0]",usask_1\n'
        'b6ab77fd7,1024,1024,"[226.0, 548.0, 130.0, 58.0]",usask_1\n'
    )
    found = read_set("csv", write_csv(tmp_path, text))
    assert found.boxes == {
        "b6ab77fd7": [("object", [834, 222, 890, 258]), ("object", [226, 548, 356, 606])]
    }
    assert found.images[0].image.image_wh == (1024, 1024)
    evidence = " ".join(found.dataset.evidence)
    assert "of 2 boxes these end before they begin or leave their image: 2 as corners" in evidence
    assert "taken as xywh" in evidence
    assert "all objects are called 'object'" in evidence


def test_retinanet_without_a_header(tmp_path: Path) -> None:
    text = "/data/imgs/a.jpg,4,6,20,30,cat\n/data/imgs/b.jpg,,,,,\n/data/imgs/a.jpg,1,2,3,4,dog\n"
    found = read_set("csv", write_csv(tmp_path, text))
    assert found.boxes == {
        "/data/imgs/a.jpg": [("cat", [4, 6, 20, 30]), ("dog", [1, 2, 3, 4])],
        "/data/imgs/b.jpg": [],
    }
    assert found.ledger.totals.annotations_in == 2
    assert "of 2 boxes these end before they begin" in found.dataset.evidence[0]
    assert "taken as xyxy" in found.dataset.evidence[0]


def test_make_sense_without_a_header(tmp_path: Path) -> None:
    found = read_set("csv", write_csv(tmp_path, "cat,4,6,16,24,a.jpg,64,48\n"))
    assert found.boxes == ANY
    assert found.images[0].image.image_wh == (64, 48)


def test_sku110k_without_a_header(tmp_path: Path) -> None:
    found = read_set("csv", write_csv(tmp_path, "a.jpg,4,6,20,30,cat,64,48\n"))
    assert found.boxes == ANY
    assert found.images[0].image.image_wh == (64, 48)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Filename,Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId", "a.jpg,64,48,4,6,20,30,cat"),
        ("image_path,xmin,ymin,xmax,ymax,label", "a.jpg,4,6,20,30,cat"),
        ("Image ID,Class Name,X_Min,Y_Min,X_Max,Y_Max", "a.jpg,cat,4,6,20,30"),
        ("class,x1,y1,x2,y2,path", "cat,4,6,20,30,a.jpg"),
        ("file,label,x0,y0,x1,y1", "a.jpg,cat,4,6,20,30"),
        ("img,left,top,right,bottom,category_name", "a.jpg,4,6,20,30,cat"),
        ("filename,x,y,w,h,width,height,class", "a.jpg,4,6,16,24,64,48,cat"),
        ("filename,x,y,width,height,class", "a.jpg,4,6,16,24,cat"),
        (
            "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
            "cat,4,6,16,24,a.jpg,64,48",
        ),
        ("filename,x_center,y_center,width,height,label", "a.jpg,12,18,16,24,cat"),
        (",patientId,x,y,width,height,Target", "0,a.jpg,4,6,16,24,cat"),
        ("xmin,xmax,ymin,ymax,frame,class_id,class", "4,20,6,30,a.jpg,7,cat"),
    ],
)
def test_names_of_columns(header: str, row: str, tmp_path: Path) -> None:
    found = read_set("csv", write_csv(tmp_path, f"{header}\n{row}\n"))
    assert found.boxes == ANY
    assert (found.images[0].image.width_px == 64) is ("64" in row)
    assert csv.sniff(SourceTree(tmp_path)) is not None


@pytest.mark.parametrize(
    ("bad", "count", "encoding"), [(1, 100, "xyxy"), (30, 100, "xywh"), (0, 100, "xyxy")]
)
def test_corners_and_sizes_are_told_from_all_rows(
    bad: int, count: int, encoding: str, tmp_path: Path
) -> None:
    rows = ["a.jpg,10,10,20,20,cat\n"] * (count - bad) + ["a.jpg,10,10,5,5,cat\n"] * bad
    path = write_csv(tmp_path, "".join(rows))
    found = read_set("csv", path)
    assert f"taken as {encoding}" in found.dataset.evidence[0]
    assert found.boxes["a.jpg"][0][1][2:] == ([20, 20] if encoding == "xyxy" else [30, 30])


def test_sizes_that_leave_their_images_are_corners(tmp_path: Path) -> None:
    text = 'image_id,width,height,bbox,label\na,64,48,"[4, 6, 62, 30]",cat\n'
    assert read_set("csv", write_csv(tmp_path, text)).boxes == {"a": [("cat", [4, 6, 62, 30])]}


def write_boxes(
    root: Path, rows: Sequence[str], header: str = "filename,bbox,class", name: str = "a.csv"
) -> Path:
    """Write a CSV about one image of 64x48 px that lies beside it and whose size is not stated."""
    write_image(root / "a.jpg")
    return write_csv(root, header + "\n" + "".join(f"a.jpg,{row},cat\n" for row in rows), name)


@pytest.mark.parametrize(
    "brackets", ["[{}, {}, {}, {}]", "({} {} {} {})", "{};{};{};{}", "[[{}, {}], [{}, {}]]"]
)
@pytest.mark.parametrize("shift_px", [0, 30])
def test_corners_in_one_column_are_told_by_the_images(
    brackets: str, shift_px: int, tmp_path: Path
) -> None:
    """Of corners further on in the image, sums leave it; where none does, nothing is guessed."""
    rows = [f'"{brackets.format(2 + shift_px, 4, 9 + shift_px, 8)}"' for _ in range(4)]
    path = write_boxes(tmp_path, rows)
    if shift_px:
        assert read_set("csv", path).boxes["a.jpg"][0] == ("cat", [32, 4, 39, 8])
    else:
        with pytest.raises(DataError, match="nothing says what the four numbers") as caught:
            read_set("csv", path)
        assert "--assume box=xyxy" in str(caught.value.hint)
    with pytest.raises(DataError, match="nothing says"):
        read_set("csv", path, labels_only=True)
    assert (
        read_set("csv", path, assume={"box": "xywh"}).boxes["a.jpg"][0][1][2] == 11 + shift_px * 2
    )


@pytest.mark.parametrize(
    ("header", "row", "truth"),
    [
        ("filename,x,y,w,h,class", "32,20,60,44", "xyxy"),
        ("filename,xmin,ymin,width,height,class", "32,20,60,44", "xyxy"),
        ("filename,xmin,ymin,xmax,ymax,class", "32,20,12,14", "xywh"),
        ("filename,x1,y1,x2,y2,class", "32,20,12,14", "xywh"),
        ("filename,x,y,w,h,class", "50,30,26,30", "cxcywh"),
        ("filename,x_center,y_center,width,height,class", "2,3,30,30", "xywh"),
        ("filename,x1,y1,x2,y2,class", "5,50,40,60", "yxyx"),
    ],
)
def test_a_header_that_its_boxes_speak_against_is_refused(
    header: str, row: str, truth: str, tmp_path: Path
) -> None:
    path = write_boxes(tmp_path, [row] * 4, header)
    with pytest.raises(DataError, match=r"the header calls the boxes .* do not look like that"):
        read_set("csv", path)
    found = read_set("csv", path, assume={"box": truth}).boxes["a.jpg"][0][1]
    assert 0 <= found[0] < found[2] <= 64
    assert 0 <= found[1] < found[3] <= 48


def test_rows_that_stick_out_do_not_make_a_header_a_liar(tmp_path: Path) -> None:
    rows = ["50,30,20,10"] * 3 + ["4,6,20,30"] * 3
    found = read_set("csv", write_boxes(tmp_path, rows, "filename,x,y,w,h,class"))
    assert found.boxes["a.jpg"][0] == ("cat", [50, 30, 70, 40])


def test_corners_and_sizes_mixed_in_one_column_are_refused(tmp_path: Path) -> None:
    rows = ['"[40, 30, 60, 45]"', '"[40, 30, 10, 5]"'] * 4
    with pytest.raises(DataError, match=r"8 boxes .* 4 as corners \(xyxy\), 4 as corner and size"):
        read_set("csv", write_boxes(tmp_path, rows))


def test_fractions_need_no_image_to_tell_corners_from_sizes(tmp_path: Path) -> None:
    rows = ['"[0.6, 0.5, 0.9, 0.75]"'] * 5
    found = read_set("csv", write_boxes(tmp_path, rows))
    assert found.boxes["a.jpg"][0] == ("cat", [38.4, 24, 57.6, 36])


@pytest.mark.parametrize(("size_px", "count"), [(400, 10), (150, 10), (400, 4)])
def test_pixels_that_look_like_percent_are_refused(
    size_px: int, count: int, tmp_path: Path
) -> None:
    path = write_boxes(tmp_path, ["25,50,75,99.5"] * count, "filename,x1,y1,x2,y2,class")
    write_image(tmp_path / "a.jpg", size_px, size_px)
    stated = read_set("csv", path, assume={"units": "pixels"}).boxes["a.jpg"]
    assert stated[0] == ("cat", [25, 50, 75, 99.5])
    if (size_px, count) == (400, 10):
        with pytest.raises(DataError, match="they look like percent") as caught:
            read_set("csv", path)
        assert "units=percent" in str(caught.value.hint)
    else:
        assert read_set("csv", path).boxes["a.jpg"] == stated


def test_percent_can_be_stated(tmp_path: Path) -> None:
    path = write_boxes(tmp_path, ["25,50,75,100"], "filename,x1,y1,x2,y2,class")
    found = read_set("csv", path, assume={"units": "percent"})
    assert found.boxes == {"a.jpg": [("cat", [16, 24, 48, 48])]}
    assert "taken as percent" in " ".join(found.dataset.evidence)


@pytest.mark.parametrize(
    ("assumed", "box"),
    [("xyxy", [4, 6, 20, 30]), ("xywh", [4, 6, 24, 36]), ("cxcywh", [-6, -9, 14, 21])],
)
def test_a_convention_can_be_stated(assumed: str, box: list[float], tmp_path: Path) -> None:
    path = write_csv(tmp_path, "a.jpg,4,6,20,30,cat\n")
    found = read_set("csv", path, assume={"box": assumed})
    assert found.boxes == {"a.jpg": [("cat", box)]}
    assert f"taken as {assumed}, as --assume box says" in found.dataset.evidence[0]


def test_fractions_of_a_stated_size_or_of_the_image(tmp_path: Path) -> None:
    text = f"{ROBOFLOW}a.jpg,100,200,cat,0.0625,0.1,0.5,0.5\n"
    found = read_set("csv", write_csv(tmp_path / "a", text))
    assert found.boxes == {"a.jpg": [("cat", [6.25, 20, 50, 100])]}
    write_image(tmp_path / "b/images/a.jpg")
    text = "filename,x,y,w,h,class\na.jpg,.25,.25,.5,.5,cat\ngone.jpg,.2,.2,.1,.1001,cat\n"
    path = write_csv(tmp_path / "b", text)
    found = read_set("csv", path)
    assert found.boxes == {"a.jpg": [("cat", [16, 12, 48, 36])]}
    assert found.entries == [("dropped", "missing-image", 3)]
    assert "taken as fractions" in " ".join(found.dataset.evidence)
    with pytest.raises(DataError, match="--labels-only reads no image"):
        read_set("csv", path, labels_only=True)
    assert read_set("csv", path, assume={"units": "pixels"}).boxes["a.jpg"][0][1][0] == 0.25


@pytest.mark.parametrize(
    "text",
    [
        "filename;class;xmin;ymin;xmax;ymax\na.jpg;cat;4,0;6,0;20,0;30,0\n",
        "filename\tclass\txmin\tymin\txmax\tymax\na.jpg\tcat\t4\t6\t20\t30\n",
        "a.jpg;4,00;6;20,0;30;cat\n",
        "sep=;\nfilename;class;xmin;ymin;xmax;ymax\na.jpg;cat;4;6;20;30\n",
        '\ufeff"filename","class","xmin","ymin","xmax","ymax"\r\n"a.jpg","cat","4","6","20","30"\r\n',
        "filename, class, xmin, ymin, xmax, ymax\n\n a.jpg , cat , 4 , 6 , 20.0 , 3e1 \n",
        "filename;bbox;class\na.jpg;[34, 26, 16, 12];cat\n",
    ],
)
def test_delimiters_decimal_commas_quotes_and_byte_order_marks(text: str, tmp_path: Path) -> None:
    found = read_set("csv", write_csv(tmp_path, text), assume={})
    assert found.boxes["a.jpg"][0][0] == "cat"
    assert found.boxes == ANY or "bbox" in text
    assert found.ledger.entries == []


def test_a_decimal_comma_in_a_file_with_commas_is_a_broken_row(tmp_path: Path) -> None:
    found = read_set("csv", write_csv(tmp_path, f"{ROBOFLOW}a.jpg,64,48,cat,4,0,6,0,20,0,30,0\n"))
    assert found.entries == [("dropped", "bad-row", 2)]


def test_ids_without_extension_find_their_images(tmp_path: Path, run_convert: Convert) -> None:
    write_image(tmp_path / "in/train/000123.jpg")
    write_image(tmp_path / "in/train/b.c.png")
    text = "image_id,class,x1,y1,x2,y2\n000123,cat,4,6,20,30\nb.c,cat,4,6,20,30\n"
    write_csv(tmp_path / "in", text, "train.csv")
    result = run_convert(tmp_path / "in")
    assert result.totals.kept == 2
    assert sorted(path.name for path in (tmp_path / "out/images/train").iterdir()) == [
        "000123.jpg",
        "b.c.png",
    ]


def test_class_names_with_a_slash_a_comma_or_a_formula(tmp_path: Path) -> None:
    text = f'{ROBOFLOW}a.jpg,64,48,car/truck,1,2,3,4\na.jpg,64,48,"a, ""b""",1,2,3,4\n'
    text += "=1+1.jpg,64,48,=cmd|'/c calc'!A0,1,2,3,4\n@x.jpg,64,48,-1,1,2,3,4\n"
    found = read_set("csv", write_csv(tmp_path, text))
    assert set(found.dataset.names) == {"car/truck", 'a, "b"', "=cmd|'/c calc'!A0", "-1"}
    assert list(found.boxes) == ["a.jpg", "=1+1.jpg", "@x.jpg"]


def test_formulas_come_back_as_they_are_and_in_quotes(tmp_path: Path, run_convert: Convert) -> None:
    for name in ("=1+1.jpg", "-a.jpg"):
        write_image(tmp_path / "in" / name)
    text = f"{ROBOFLOW}=1+1.jpg,64,48,@cat,1,2,3,4\n-a.jpg,64,48,\"+ , 'x'\",1,2,3,4\n"
    write_csv(tmp_path / "in", text)
    run_convert(tmp_path / "in", to_format="csv", split="1,0,0")
    lines = (tmp_path / "out/train/_annotations.csv").read_text().splitlines()
    assert '"=1+1.jpg",64,48,"@cat",1,2,3,4' in lines
    assert '"-a.jpg",64,48,"+ , \'x\'",1,2,3,4' in lines
    found = read_set("csv", tmp_path / "out")
    assert set(found.dataset.names) == {"@cat", "+ , 'x'"}
    assert set(found.boxes) == {"=1+1.jpg", "-a.jpg"}


def test_rows_of_missing_images_are_dropped_and_named(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    text = f"{ROBOFLOW}a.jpg,64,48,cat,4,6,20,30\ngone.jpg,64,48,cat,4,6,20,30\n"
    write_csv(tmp_path, text + "../../x.jpg,64,48,cat,4,6,20,30\n")
    ledger = Ledger()
    dataset = load_format("csv").read(tmp_path, ReadOptions(), ledger)
    images = list(locate_images(dataset.iter_images(), ledger))
    assert [one.image.file_name for one in images] == ["a.jpg"]
    assert [(entry.action, entry.line) for entry in ledger.entries] == [
        ("dropped", 3),
        ("dropped", 4),
    ]


def test_background_images_have_rows_without_a_box(tmp_path: Path, run_convert: Convert) -> None:
    for name in "abc":
        write_image(tmp_path / f"in/{name}.jpg")
    text = (
        f"{ROBOFLOW}a.jpg,64,48,,,,,\nb.jpg,64,48,No finding,nan,,NaN,\nc.jpg,64,48,cat,4,6,20,30\n"
    )
    write_csv(tmp_path / "in", text)
    found = read_set("csv", tmp_path / "in")
    assert [len(boxes) for boxes in found.boxes.values()] == [0, 0, 1]
    assert found.entries == [("excluded", "no-box", 3)]
    run_convert(tmp_path / "in", to_format="csv", split="1,0,0")
    written = (tmp_path / "out/train/_annotations.csv").read_text()
    assert "a.jpg,64,48,,,,,\n" in written
    assert [len(boxes) for boxes in read_set("csv", tmp_path / "out").boxes.values()] == [0, 0, 1]


@pytest.mark.parametrize(
    "bad",
    [
        "a.jpg,64,48,cat,x,6,20,30",
        "a.jpg,64,48,cat,4,6,20",
        "a.jpg,64,48,cat,4,6,20,30,31",
        ",64,48,cat,4,6,20,30",
        "a.jpg,64,48,,4,6,20,30",
        "a.jpg,64,48,cat,4,,20,30",
        "a.jpg,64,48,cat,inf,6,20,30",
        "a.jpg,64,48,cat,1e99,6,20,30",
        "a.jpg,64,48,cat,=4,6,20,30",
        "junk",
    ],
)
def test_a_broken_row_is_dropped_with_its_line(bad: str, tmp_path: Path) -> None:
    good = "a.jpg,64,48,cat,4,6,20,30\n"
    found = read_set(
        "csv",
        write_csv(tmp_path, f'{ROBOFLOW}{good}"a.jpg",0,0,"two\nlines",1,2,3,4\n{bad}\n{good}'),
    )
    assert [name for name, _ in found.boxes["a.jpg"]] == ["cat", "two\nlines", "cat"]
    assert found.entries == [("dropped", "bad-row", 5)]
    assert found.images[0].annotations.places.tolist() == [2, 3, 6]
    assert found.ledger.totals.annotations_in == 4


def test_a_box_in_brackets_may_be_broken(tmp_path: Path) -> None:
    rows = '"[1, 2, 3]"\n"[1, 2, 3, x]"\n"{1: 2}"\n"[[1, 2, 3, 4], [1, 2, 3, 4]]"\n(9 9 3 4)\n[]\n'
    text = "image_id,bbox\n" + "".join(f"a.jpg,{row}\n" for row in rows.splitlines())
    found = read_set("csv", write_csv(tmp_path, text))
    assert [line for _, _, line in found.entries] == [2, 3, 4, 5]
    assert len(found.boxes["a.jpg"]) == 1


def test_headers_of_joined_files_are_passed_over(tmp_path: Path) -> None:
    row = "a.jpg,64,48,cat,4,6,20,30\n"
    found = read_set("csv", write_csv(tmp_path, ROBOFLOW + row + ROBOFLOW + row))
    assert len(found.boxes["a.jpg"]) == 2
    assert found.ledger.entries == []


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (ROBOFLOW.encode() + b"a,1,1,cat,1,2,3,4\nb,1,1,K\xe4fer,1,2,3,4\n", 3, "not UTF-8"),
        (ROBOFLOW.encode() + b"a.jpg,64,48,cat,1,2,3,4\n" * 9000 + b"\xff\n", 9002, "not UTF-8"),
        (ROBOFLOW.encode() + b'a.jpg,64,48,"cat,1,2,3,4\n' * 3, 2, "not CSV"),
        (ROBOFLOW.encode() + b"a" * 200_000 + b",1,2\n", 2, "field limit"),
        (ROBOFLOW.encode("utf-16"), 1, "not UTF-8"),
        (b"a,b\n1,2\n", None, "columns are known"),
        (b"", None, "columns are known"),
    ],
)  # fmt: skip
def test_a_broken_file_is_an_error_with_its_line(
    content: bytes, line: int | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_set("csv", path)
    assert (caught.value.path, caught.value.line) == (path, line)


def test_splits_by_a_column_or_the_name_of_the_file(tmp_path: Path) -> None:
    text = (
        "split,filename,class,x1,y1,x2,y2\nTRAIN,a.jpg,cat,1,2,3,4\nvalidation,b.jpg,cat,1,2,3,4\n"
    )
    found = read_set("csv", write_csv(tmp_path / "a", text))
    assert [one.image.split for one in found.images] == ["train", "val"]
    write_csv(tmp_path / "b", "a.jpg,4,6,20,30,cat\n", "train_labels.csv")
    write_csv(tmp_path / "b", "a.jpg,4,6,20,30,cat\n", "validation.csv")
    write_csv(tmp_path / "b", "cat,0\n", "class_mapping.csv")
    found = read_set("csv", tmp_path / "b")
    assert [one.image.split for one in found.images] == ["train", "val"]
    roots = found.images[1].image.source.image_roots
    assert str(tmp_path / "b/val") in roots
    assert str(tmp_path / "b/train") not in roots


def test_images_elsewhere(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "a.jpg,4,6,20,30,cat\n", "train/a.csv")
    roots = read_set("csv", tmp_path, images=tmp_path / "x").images[0].image.source.image_roots
    assert {str(tmp_path / "x/train"), str(tmp_path / "x")} <= set(roots)
    assert all(root.startswith(str(tmp_path / "x")) for root in roots)
    assert read_set("csv", path).boxes == ANY


@pytest.mark.parametrize(
    "text",
    [
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded\n",
        "epoch,train/box_loss,metrics/mAP50(B)\n1,2,3\n",
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes\n",
        "image_id,PredictionString\na,1 2 3 4\n",
        "cat,0\ndog,1\n",
        "1,1,10,10,20,20,1,-1,-1,-1\n",
        "684,8,273,116,0,0,0,0\n",
        "x,y,w,h\n1,2,3,4\n",
        "name,left,top\nbutton,1,2\n",
    ],
)
def test_other_tables_are_not_recognised(text: str, tmp_path: Path) -> None:
    write_csv(tmp_path, text)
    assert csv.sniff(SourceTree(tmp_path)) is None


def test_recognised_by_its_columns(tmp_path: Path) -> None:
    write_csv(tmp_path, "cat,0\n", "a_classes.csv")
    write_csv(tmp_path, "a.jpg,1,2,3,4,cat\nb.jpg,,,,,\n", "b.csv")
    match = csv.sniff(SourceTree(tmp_path))
    assert match is not None
    assert "b.csv" in match.evidence
