"""Pascal VOC as its many writers write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.conftest import (
    Convert,
    read_set,
    voc_object,
    voc_xml,
    write_image,
    write_text,
)
from yolokit.errors import DataError
from yolokit.formats import voc
from yolokit.formats.toolkit.source_tree import SourceTree

NESTED = (
    "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax>"
    "</bndbox></part>"
)


def test_boxes_are_read_as_they_stand(tmp_path: Path) -> None:
    path = write_text(
        tmp_path / "a.xml", voc_xml(voc_object("dog"), voc_object("cat", (1.5, 2, 3.25, 9)))
    )
    found = read_set("voc", path)
    assert found.dataset.names == ("cat", "dog")
    assert found.boxes == {"a.jpg": [("dog", [4, 6, 20, 30]), ("cat", [1.5, 2, 3.25, 9])]}
    assert found.images[0].image.image_wh == (64, 48)
    assert found.images[0].annotations.places.tolist() == [3, 6]


def test_counting_from_1_is_declared_and_moves_the_minima_alone(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.xml", voc_xml(voc_object(box=(1, 1, 64, 48))))
    found = read_set("voc", path, assume={"origin": "1"})
    assert found.boxes == {"a.jpg": [("cat", [0, 0, 64, 48])]}
    evidence = " ".join(read_set("voc", path).dataset.evidence)
    assert "the smallest corner is at 1 px" in evidence
    assert "1 box ends at the full width or height" in evidence
    assert "--assume origin" in evidence


def test_the_order_of_children_does_not_matter(tmp_path: Path) -> None:
    text = (
        "<annotation><object><bndbox><ymax>30</ymax><xmax>20</xmax><ymin>6</ymin><xmin>4</xmin>"
        "</bndbox><difficult>0</difficult><name> cat </name></object><size><height>48</height>"
        "<depth>3</depth><width>64</width></size><filename>a.jpg</filename></annotation>"
    )
    found = read_set("voc", write_text(tmp_path / "a.xml", text))
    assert found.boxes == {"a.jpg": [("cat", [4, 6, 20, 30])]}


def test_a_filename_without_extension_finds_its_image(run_convert: Convert, tmp_path: Path) -> None:
    write_image(tmp_path / "in/photo 1.v2.png")
    text = voc_xml(voc_object()).replace("<filename>a.jpg", "<filename>photo 1.v2")
    write_text(tmp_path / "in/other.xml", text)
    result = run_convert(tmp_path / "in", split="keep")
    assert (result.totals.kept, result.totals.dropped) == (1, 0)
    assert (tmp_path / "out/images/train/photo 1.v2.png").is_file()


@pytest.mark.parametrize("before", [True, False])
def test_boxes_of_parts_are_no_objects(before: bool, tmp_path: Path) -> None:
    text = voc_object(more=NESTED)
    if not before:
        text = voc_object().replace("</object>", NESTED + "</object>")
    found = read_set("voc", write_text(tmp_path / "a.xml", voc_xml(text)))
    assert found.boxes == {"a.jpg": [("cat", [4, 6, 20, 30])]}
    assert found.dataset.names == ("cat",)
    assert found.ledger.totals.annotations_in == 1


def test_difficult_objects_are_kept_unless_excluded(tmp_path: Path) -> None:
    marked = voc_object(more="<difficult>1</difficult>")
    path = write_text(tmp_path / "a.xml", voc_xml(marked, voc_object("dog")))
    assert len(read_set("voc", path).boxes["a.jpg"]) == 2
    found = read_set("voc", path, assume={"difficult": "exclude"})
    assert found.boxes == {"a.jpg": [("dog", [4, 6, 20, 30])]}
    assert found.entries == [("excluded", "difficult", 3)]


@pytest.mark.parametrize("size", ["", "<size/>", "<size><width>0</width><height>0</height></size>"])
def test_no_size_or_a_useless_one(size: str, tmp_path: Path) -> None:
    found = read_set("voc", write_text(tmp_path / "a.xml", voc_xml(voc_object(), size=size)))
    assert found.images[0].image.width_px is None
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == ([] if not size else [("noted", "no-size", 1)])


def test_background_images_survive(tmp_path: Path) -> None:
    found = read_set("voc", write_text(tmp_path / "a.xml", voc_xml()))
    assert found.boxes == {"a.jpg": []}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("<object><name>cat</name></object>", "no <bndbox>"),
        (voc_object(name=""), "no <name>"),
        (voc_object(box=(1, 2, "x", 4)), "not four numbers: xmin '1', ymin '2', xmax 'x'"),
        (voc_object(box=(1, 2, "", 4)), "not four numbers"),
        (voc_object(box=(1, "1,5", 3, 4)), "not four numbers"),
    ],
)
def test_a_broken_object_is_entered_with_its_line(broken: str, words: str, tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.xml", voc_xml(voc_object("dog"), broken))
    found = read_set("voc", path)
    assert len(found.boxes["a.jpg"]) == 1
    assert found.entries == [("dropped", "bad-object", 6)]
    assert words in found.ledger.entries[0].message
    assert found.ledger.totals.annotations_in == 2


def test_splits_of_imagesets(tmp_path: Path) -> None:
    for stem in ("a", "b 1", "c", "d", "sub/e"):
        write_text(tmp_path / f"Annotations/{stem}.xml", voc_xml(filename=f"{stem}.jpg"))
    main = tmp_path / "ImageSets/Main"
    write_text(main / "train.txt", "a\nsub/e\n")
    write_text(main / "val.txt", "\ufeffb 1\r\nc\r\n")
    write_text(main / "test.txt", "c\ngone\n")
    write_text(main / "trainval.txt", "a\nb 1\nc\nd\n")
    write_text(main / "cat_train.txt", "a 1\n")
    found = read_set("voc", tmp_path)
    assert {one.image.file_name: one.image.split for one in found.images} == {
        "a.jpg": "train", "b 1.jpg": "val", "c.jpg": "val", "d.jpg": None, "sub/e.jpg": "train",
    }  # fmt: skip
    assert found.dataset.has_splits
    assert found.entries == [("noted", "in-two-splits", None), ("noted", "no-annotation-file", 2)]
    assert "c is listed for val and test" in found.ledger.entries[0].message


def test_lists_with_a_flag_behind_each_id(tmp_path: Path) -> None:
    for stem in ("a", "b"):
        write_text(tmp_path / f"Annotations/{stem}.xml", voc_xml(filename=f"{stem}.jpg"))
    write_text(tmp_path / "ImageSets/Main/train.txt", "a  1\nb -1\n")
    assert [one.image.split for one in read_set("voc", tmp_path).images] == ["train", "train"]


def test_trainval_is_taken_where_there_is_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "Annotations/a.xml", voc_xml())
    write_text(tmp_path / "ImageSets/Main/trainval.txt", "a\n")
    assert read_set("voc", tmp_path).images[0].image.split == "train"


def test_splits_by_folder_as_roboflow_has_them(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        write_text(tmp_path / split / "a.xml", voc_xml())
    found = read_set("voc", tmp_path)
    assert sorted(one.image.split or "" for one in found.images) == ["test", "train", "val"]


def test_images_are_looked_for_beside_and_in_jpegimages(tmp_path: Path) -> None:
    write_text(tmp_path / "VOC2007/Annotations/sub/a.xml", voc_xml())
    roots = read_set("voc", tmp_path).images[0].image.source.image_roots
    base = tmp_path / "VOC2007"
    assert roots[0] == str(base / "JPEGImages" / "sub")
    assert {str(base / "JPEGImages"), str(base / "Annotations/sub"), str(base)} <= set(roots)
    roots = read_set("voc", tmp_path, images=tmp_path / "x").images[0].image.source.image_roots
    assert {str(tmp_path / "x" / "sub"), str(tmp_path / "x")} <= set(roots)
    assert all(root.startswith(str(tmp_path / "x")) for root in roots)


@pytest.mark.parametrize("filename", [None, "", "other.jpg", "a"])
def test_the_name_of_the_file_stands_in_for_a_missing_or_wrong_filename(
    filename: str | None, tmp_path: Path
) -> None:
    image = read_set("voc", write_text(tmp_path / "a.xml", voc_xml(filename=filename))).images[0]
    names = (image.image.file_name, *image.image.other_names)
    assert names == (("other.jpg", "a.jpg", "a") if filename == "other.jpg" else ("a",))


def test_a_filename_that_files_share_counts_for_the_one_that_is_called_so(
    tmp_path: Path, run_convert: Convert
) -> None:
    for name in ("0", "1", "2"):
        write_image(tmp_path / f"in/{name}.jpg")
        write_text(tmp_path / f"in/{name}.xml", voc_xml(voc_object(), filename="0.jpg"))
    done = run_convert(tmp_path / "in", split="keep")
    assert done.codes == {"noted: name-twice": 2}
    found = sorted(one.name for one in (done.out / "images").rglob("*.jpg"))
    assert found == ["0.jpg", "1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    "folder",
    ["annotations", "annotations/xmls", "labels", "xml", "annots", "train/annotations", "mine"],
)
@pytest.mark.parametrize("images", ["images", "img", "JPEGImages", "pictures/of/2024"])
def test_images_beside_a_folder_of_annotations(
    folder: str, images: str, tmp_path: Path, run_convert: Convert
) -> None:
    top = "train/" if folder.startswith("train/") else ""
    write_text(tmp_path / f"in/{folder}/a.xml", voc_xml(voc_object()))
    write_image(tmp_path / f"in/{top}{images}/a.jpg")
    done = run_convert(tmp_path / "in", split="keep")
    assert (done.totals.kept, done.codes) == (1, {})


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (voc_xml(voc_object())[:-30].encode(), 4, "not well-formed XML"),
        (b"", 1, "not well-formed XML"),
        (b"<annotation>\n<a></b></annotation>", 2, "not well-formed XML"),
        (b"<annotations></annotations>", 1, "root element is <annotations>"),
        (b'<!DOCTYPE a [\n<!ENTITY x "y">]>\n<annotation>&x;</annotation>', 2, "entities"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation/>', 1, "entities"),
        (b"<annotation>\n" + b"<a>" * 200 + b"</a>" * 200 + b"</annotation>", 2, "too deep"),
        ("<annotation>ä</annotation>".encode("latin-1"), 1, "not well-formed XML"),
    ],
)
def test_a_broken_file_is_an_error_with_its_line(
    content: bytes, line: int, words: str, tmp_path: Path
) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_set("voc", tmp_path / "a.xml")
    assert (caught.value.path, caught.value.line) == (tmp_path / "a.xml", line)


def test_other_encodings_are_read(tmp_path: Path) -> None:
    text = voc_xml(voc_object("Käfer"), filename="ä.jpg")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        name = "iso-8859-1" if encoding == "latin-1" else encoding.replace("-sig", "")
        head = f'<?xml version="1.0" encoding="{name}"?>\n'
        path = write_text(tmp_path / "a.xml", head + text, encoding)
        assert read_set("voc", path).boxes == {"ä.jpg": [("Käfer", [4, 6, 20, 30])]}


def test_an_encoding_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.xml", '<?xml version="1.0" encoding="x-y"?><annotation/>')
    with pytest.raises(DataError, match="XML"):
        read_set("voc", path)


def test_recognised_by_the_root_element(tmp_path: Path) -> None:
    write_text(tmp_path / "sub/a.xml", '<?xml version="1.0"?>\n<annotation verified="yes">')
    match = voc.sniff(SourceTree(tmp_path))
    assert match is not None
    assert "a.xml" in match.evidence
    assert (
        voc.sniff(SourceTree(write_text(tmp_path / "b.xml", "<annotations><image/></annotations>")))
        is None
    )
    assert voc.sniff(SourceTree(tmp_path / "none")) is None


def test_a_folder_without_xml_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no XML files"):
        read_set("voc", tmp_path)


def test_a_folder_called_like_a_file_is_passed_over(tmp_path: Path) -> None:
    write_image(tmp_path / "x.xml/a.jpg")
    write_text(tmp_path / "b.xml", voc_xml())
    assert len(read_set("voc", tmp_path).images) == 1


def test_all_broken_files_are_reported_at_once(tmp_path: Path) -> None:
    for stem in "abc":
        write_text(tmp_path / f"{stem}.xml", voc_xml() if stem == "b" else "<annotation>\n<a>")
    with pytest.raises(DataError, match="2 broken annotation files") as caught:
        read_set("voc", tmp_path)
    assert f"{tmp_path / 'a.xml'}:2: " in str(caught.value)
    assert f"{tmp_path / 'c.xml'}:2: " in str(caught.value)


def test_the_first_of_two_equal_elements_counts(tmp_path: Path) -> None:
    text = voc_xml(voc_object(more="<name>dog</name>"))
    assert read_set("voc", write_text(tmp_path / "a.xml", text)).dataset.names == ("cat",)


ROTATION = "<attributes><attribute><name>rotation</name><value>{}</value></attribute></attributes>"
ROTATED = (
    "<object><type>robndbox</type><name>cat</name><robndbox><cx>30</cx><cy>20</cy><w>20</w>"
    "<h>4</h><angle>{}</angle></robndbox></object>"
)
CORNERS = [[22.34, 13.27], [39.66, 23.27], [37.66, 26.73], [20.34, 16.73]]


@pytest.mark.parametrize(
    "turned",
    [voc_object("cat", (20, 18, 40, 22), ROTATION.format("30.0")), ROTATED.format(0.5235988)],
)
def test_boxes_that_cvat_and_rolabelimg_turn(
    turned: str, tmp_path: Path, run_convert: Convert
) -> None:
    write_image(tmp_path / "in/a.jpg")
    write_text(tmp_path / "in/a.xml", voc_xml(turned, voc_object()))
    found = read_set("voc", tmp_path / "in", task="obb")
    (row, shape), *_ = found.images[0].annotations.shapes.items()
    assert (row, shape.kind) == (0, "rotated")
    np.testing.assert_allclose(shape.rings[0], CORNERS, atol=0.01)
    assert found.boxes["a.jpg"][1] == ("cat", [4, 6, 20, 30])
    assert "<robndbox>: 1" in " ".join(found.dataset.evidence)
    result = run_convert(tmp_path / "in")
    assert (result.totals.kept, result.totals.reinterpreted) == (1, 1)


@pytest.mark.parametrize("value", ["0.0", "360", "north", "nan", "inf", "", "-720"])
def test_what_is_no_rotation_turns_nothing(value: str, tmp_path: Path) -> None:
    text = voc_xml(voc_object(more=ROTATION.format(value)))
    found = read_set("voc", write_text(tmp_path / "a.xml", text))
    assert found.images[0].annotations.is_plain


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (voc_object("cat", (30, 6, 20, 30), ROTATION.format(30)), "ends before it begins"),
        (ROTATED.format(""), "not five numbers"),
        (ROTATED.format("nan"), "ends before"),
        ("<object><name>cat</name><polygon><pt/></polygon></object>", "LabelMe of MIT"),
    ],
)
def test_a_turned_box_may_be_broken(bad: str, words: str, tmp_path: Path) -> None:
    found = read_set("voc", write_text(tmp_path / "a.xml", voc_xml(bad, voc_object())))
    assert [action for action, *_ in found.entries] == ["dropped"]
    assert words in found.ledger.entries[0].message


def test_the_origin_is_taken_from_a_box_before_it_is_turned(tmp_path: Path) -> None:
    text = voc_xml(voc_object("cat", (11, 21, 30, 30), ROTATION.format(90)))
    found = read_set("voc", write_text(tmp_path / "a.xml", text), assume={"origin": "1"})
    assert found.boxes == {"a.jpg": [("cat", [15, 15, 25, 35])]}
