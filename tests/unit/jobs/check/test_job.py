"""A check takes what training and conversion take, and says where things are."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.samples.planted import CLEAR, YOLO, write_sound_coco, write_sound_yolo
from tests.unit.conftest import shade_of, voc_object, voc_xml, write_image, write_text, write_yolo
from tests.unit.formats.test_cvat import box as cvat_box
from tests.unit.formats.test_cvat import images_xml
from yolokit.core.events import Event, Notice, OnEvent, ignore
from yolokit.core.findings import Finding
from yolokit.datasets.check_report import CheckReport
from yolokit.errors import ConfigError, DataError, InferenceError
from yolokit.jobs.check.config import CheckConfig
from yolokit.jobs.check.job import check_data

ADVICE = {"rare-classes", "small-val", "few-steps", "spare-resolution", "single-image"}


def look(source: Path, on_event: OnEvent = ignore, **options: object) -> CheckReport:
    return check_data(CheckConfig.build({"source": source, **options}), on_event)


def found(report: CheckReport) -> dict[str, list[Finding]]:
    """Return what was found by its code, but for advice about the size of a set."""
    return {group.code: list(group.findings) for group in report.groups if group.code not in ADVICE}


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    rows = "0 .3 .3 .07 .07\n1 .6 .6 .07 .07\n"
    write_yolo(tmp_path / "set", {"v.png": rows}, split="val")
    yaml = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
    return write_yolo(tmp_path / "set", {"a.png": rows, "b.png": rows}, yaml=yaml).parent


def test_a_model_that_is_not_there_is_told_before_images_are_read(yolo: Path) -> None:
    events: list[Event] = []
    with pytest.raises(InferenceError, match=r"no model none\.onnx"):
        look(yolo, events.append, model="none.onnx")
    assert events == []


class TestYolo:
    def test_a_finding_of_a_row_has_file_line_and_image(self, yolo: Path) -> None:
        labels = write_text(yolo / "labels/train/a.txt", "\n0 .3 .3 .07 .07\n7 .3 .3 .1 .1\n")
        (fault,) = found(look(yolo))["unknown-class"]
        assert (fault.path, fault.line) == (labels, 3)
        assert fault.image == str(yolo / "images/train/a.png")

    def test_the_yaml_stands_for_its_folder(self, yolo: Path) -> None:
        assert found(look(yolo / "data.yaml")) == found(look(yolo)) == {}
        assert look(yolo).splits["train"].boxes == 4

    def test_the_images_of_all_splits_are_decoded(self, yolo: Path) -> None:
        """Training reads no test split, but a check is asked about the set."""
        write_text(yolo / "data.yaml", (yolo / "data.yaml").read_text() + "test: images/test\n")
        content = write_image(yolo / "images/test/t.png", shade=3).read_bytes()
        (yolo / "images/test/t.png").write_bytes(content[:60] + b"\0" + content[61:])
        write_text(yolo / "labels/test/t.txt", "0 .3 .3 .07 .07\n")
        (bad,) = found(look(yolo))["unread-split"]
        assert "checksum" in bad.message
        assert bad.path == yolo / "images/test/t.png"

    def test_labels_only_reads_no_image(self, yolo: Path) -> None:
        (yolo / "images/train/a.png").write_bytes(b"no image")
        assert "unusable-images" in found(look(yolo))
        report = look(yolo, labels_only=True)
        assert found(report) == {}
        assert report.scans == {}

    def test_a_set_in_an_archive_is_shown_in_it(self, yolo: Path, tmp_path: Path) -> None:
        write_text(yolo / "labels/train/a.txt", "7 .3 .3 .1 .1\n")
        archive = Path(shutil.make_archive(str(tmp_path / "export"), "zip", yolo))
        (fault,) = found(look(archive))["unknown-class"]
        assert fault.path == archive / "labels/train/a.txt"
        assert fault.image == f"{archive}/images/train/a.png"

    def test_conventions_and_images_elsewhere_are_those_of_a_conversion(self, yolo: Path) -> None:
        """Training would find no labels of images that are moved away."""
        (yolo / "images").rename(yolo.parent / "moved")
        report = look(yolo, images=yolo.parent / "moved")
        assert (found(report), report.splits["train"].boxes) == ({}, 4)
        (yolo.parent / "moved").rename(yolo / "images")
        write_text(yolo / "labels/train/a.txt", "1 .3 .3 .07 .07\n2 .6 .6 .07 .07\n")
        write_text(yolo / "labels/train/b.txt", "1 .3 .3 .07 .07\n2 .6 .6 .07 .07\n")
        write_text(yolo / "labels/val/v.txt", "1 .3 .3 .07 .07\n2 .6 .6 .07 .07\n")
        assert "unknown-class" in found(look(yolo))
        assert found(look(yolo, assume=["class-base=1"])) == {}

    def test_what_is_allowed_fails_nothing(self, yolo: Path) -> None:
        shutil.copy(yolo / "images/train/a.png", yolo / "images/val/v.png")
        report = look(yolo)
        assert report.fails("error")
        assert report.verdict == (
            "1 doubt in 3 images: `yolokit train` refuses this set, unless each code is allowed "
            "with --allow"
        )
        assert not look(yolo, allow=["leaking-images"]).fails("warning")

    def test_a_warning_fails_only_what_asks_for_it(self, yolo: Path) -> None:
        (yolo / "labels/train/a.txt").unlink()
        report = look(yolo)
        assert not report.fails("error")
        assert report.fails("warning")
        assert report.verdict == "1 warning in 3 images: nothing that stops training"

    def test_a_code_that_nothing_has_is_told(self, yolo: Path) -> None:
        told: list[Event] = []
        look(yolo, told.append, allow=["leaking-image"])
        notices = [event.message for event in told if isinstance(event, Notice)]
        assert notices == [
            "warning: allow: unknown code 'leaking-image': did you mean 'leaking-images'?"
        ]


class TestPoses:
    def test_keypoints_are_named_with_where_they_are(self, yolo: Path) -> None:
        YOLO["keypoints-outside"].plant(yolo)
        write_image(yolo / f"images/train/{CLEAR:03}.png", shade=shade_of("more"))
        (one,) = found(look(yolo))["keypoints-outside"]
        assert one.message == "this cat has keypoint 2 outside its box"


class TestVoc:
    def test_boxes_have_the_line_of_their_object(self, tmp_path: Path) -> None:
        objects = [
            voc_object(),
            voc_object("dog", (4, 6, 20, 30)),
            voc_object(box=(30, 6, 30, 30)),
            voc_object(box=(50, 6, 70, 30)),
            voc_object(box=(30, 30, 31, 40)),
            voc_object(box=(90, 30, 99, 40)),
            voc_object("", (1, 2, 3, 4)),
        ]
        xml = write_text(tmp_path / "set/Annotations/a.xml", voc_xml(*objects))
        write_image(tmp_path / "set/JPEGImages/a.jpg")
        write_image(tmp_path / "set/JPEGImages/more.jpg")
        report = look(tmp_path / "set")
        assert report.format == "voc"
        lines = [at for at, text in enumerate(xml.read_text().split("\n"), 1) if "<object>" in text]
        assert {
            code: [(one.path, one.line) for one in group]
            for code, group in found(report).items()
            if code != "unlisted-images"
        } == {
            "two-classes": [(xml, lines[1])],
            "empty-boxes": [(xml, lines[2])],
            "clipped-boxes": [(xml, lines[3])],
            "tiny-boxes": [(xml, lines[4])],
            "outside-image": [(xml, lines[5])],
            "bad-object": [(xml, lines[6])],
        }
        (more,) = found(report)["unlisted-images"]
        assert more.path == tmp_path / "set/JPEGImages/more.jpg"

    def test_an_image_that_is_lost_is_told_once(self, tmp_path: Path) -> None:
        write_text(
            tmp_path / "set/a.xml", voc_xml(voc_object(), voc_object("dog", (30, 6, 40, 30)))
        )
        (lost,) = found(look(tmp_path / "set"))["missing-image"]
        assert "a.jpg was not found" in lost.message
        assert lost.message.endswith("(it has 2 annotations)")

    def test_an_image_of_another_size_is_told(self, tmp_path: Path) -> None:
        write_text(tmp_path / "set/a.xml", voc_xml(voc_object(box=(4, 6, 20, 30))))
        write_image(tmp_path / "set/a.jpg", 128, 96)
        assert list(found(look(tmp_path / "set"))) == ["size-mismatch"]


class TestCvat:
    def test_shapes_that_are_wrong_have_a_place(self, tmp_path: Path) -> None:
        shapes = (
            cvat_box(),
            '<polygon label="cat" points="1,2;30,40;30,2;1,40" z_order="0"></polygon>',
            '<polygon label="cat" points="1,2" z_order="0"></polygon>',
        )
        xml = write_text(tmp_path / "set/annotations.xml", images_xml(*shapes))
        write_image(tmp_path / "set/images/a.jpg")
        report = look(tmp_path / "set")
        places = {code: [one.path for one in group] for code, group in found(report).items()}
        assert places == {"crossing-outlines": [xml], "bad-annotation": [xml]}
        assert report.verdict.startswith("1 doubt, 1 warning in 1 image: `yolokit data convert`")


def test_corners_of_a_rotated_box_that_are_out_of_order(tmp_path: Path) -> None:
    rows = "4 6 20 6 20 30 4 30 plane 0\n30 10 50 40 50 10 30 40 ship 0\n"
    write_text(tmp_path / "set/labelTxt/a.txt", rows)
    write_image(tmp_path / "set/images/a.png")
    (one,) = found(look(tmp_path / "set"))["rotated-corners"]
    assert (one.line, one.message) == (2, "the corners of this ship are not in order around it")


def test_coco_without_images_can_be_checked_by_its_stated_sizes(tmp_path: Path) -> None:
    write_sound_coco(tmp_path / "set")
    shutil.rmtree(tmp_path / "set/images")
    assert "missing-image" in found(look(tmp_path / "set"))
    report = look(tmp_path / "set", labels_only=True)
    assert found(report) == {}
    assert report.verdict == "nothing wrong in 12 images"


def test_keypoints_that_are_not_looked_at_are_said_to_be_left_aside(tmp_path: Path) -> None:
    content = write_sound_coco(tmp_path)
    for number, category in enumerate(content["categories"], 1):
        category["keypoints"] = ["nose", "tail"][:number]
    write_text(tmp_path / "annotations.json", json.dumps(content))
    report = look(tmp_path)
    assert report.evidence[-1].startswith("keypoints are left aside: the categories 'cat' and")
    assert len(report.table) == 24, "the boxes are looked at all the same"


def test_an_archive_of_coco_is_read_in_place(tmp_path: Path) -> None:
    write_sound_coco(tmp_path / "set")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "set/annotations.json", "annotations.json")
    (first, *others) = found(look(tmp_path / "a.zip"))["missing-image"]
    assert len(others) == 11
    assert first.path == tmp_path / "a.zip/annotations.json"


class TestOptions:
    def test_what_is_not_there_names_the_command_for_a_public_set(self) -> None:
        with pytest.raises(DataError) as caught:
            CheckConfig.build({"source": "coco128"})
        assert caught.value.hint == "`yolokit data get coco128` fetches it"
        with pytest.raises(DataError, match="there is no such file") as other:
            CheckConfig.build({"source": "nowhere"})
        assert other.value.hint is None

    def test_all_mistakes_are_told_at_once(self, tmp_path: Path) -> None:
        values = {"source": tmp_path, "from_format": "cocoo", "fail_on": "never", "imgsz": 3}
        with pytest.raises(ConfigError) as caught:
            CheckConfig.build({**values, "assume": ["x"], "images": tmp_path / "gone"})
        text = str(caught.value)
        for part in ("did you mean 'coco'", "fail_on:", "imgsz:", "assume:", "images:"):
            assert part in text

    def test_a_folder_of_nothing_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="none of the known formats"):
            look(tmp_path)


def test_a_large_set_is_told_by_counts(tmp_path: Path) -> None:
    write_sound_yolo(tmp_path / "set")
    report = look(tmp_path / "set", labels_only=True)
    assert (report.splits["train"].images, report.splits["train"].background_images) == (260, 10)
    assert report.splits["val"].boxes_by_class == (40, 40)


class TestVerdict:
    def test_a_set_of_poses_is_not_said_to_be_trainable(self, yolo: Path) -> None:
        yaml = yolo / "data.yaml"
        write_text(yaml, yaml.read_text() + "kpt_shape: [2, 3]\n")
        assert look(yolo).verdict == (
            "nothing wrong in 3 images, but `yolokit train` refuses this set, since its labels are "
            "poses: this version trains detectors of boxes"
        )

    def test_nor_is_one_without_val(self, yolo: Path) -> None:
        write_text(yolo / "data.yaml", "train: images/train\nnames: [cat, dog]\n")
        verdict = "1 warning in 2 images: `yolokit train` refuses this set without the split val"
        assert look(yolo).verdict == verdict

    def test_a_leak_in_a_source_is_what_training_refuses(self, tmp_path: Path) -> None:
        for split in ("train", "val"):
            write_text(tmp_path / f"set/{split}/a.xml", voc_xml(voc_object()))
            write_image(tmp_path / f"set/{split}/a.jpg")
        assert look(tmp_path / "set").verdict == (
            "1 doubt in 2 images: `yolokit train` refuses pictures that are in train and in "
            "another split"
        )

    def test_a_source_of_which_no_image_is_left_says_so(self, tmp_path: Path) -> None:
        write_text(tmp_path / "set/a.xml", voc_xml(voc_object()))
        assert look(tmp_path / "set").verdict == (
            "1 doubt in 0 images: there is no image that `yolokit data convert` could take"
        )
