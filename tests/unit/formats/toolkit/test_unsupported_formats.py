"""What is not read is called by its name, with the way round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import write_image, write_text
from yolokit.errors import DataError
from yolokit.formats.toolkit.plugin import find_unsupported, list_formats, recognise
from yolokit.formats.toolkit.source_tree import HEAD_BYTES, SourceTree
from yolokit.formats.toolkit.unsupported_formats import TABLE

COCO: dict[str, Any] = {
    "info": {},
    "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
    "categories": [{"id": 1, "name": "cat", "isthing": 1}],
}
BOX = {"height": 4, "left": 1, "top": 2, "width": 3}
RING = [[1, 2], [3, 4], [5, 6]]
MOT = "1,1,912,484,97,109,0,7,1\n2,1,912,484,97,109,0,7,1\n"
TRACKED = "0 0 Car 0 0 -1.79 296.74 161.75 455.22 292.37 2.0 1.8 4.4 -4.5 1.8 13.4 -2.1\n"
MIT = (
    "<annotation><filename>a.jpg</filename><folder>users</folder><object><name>window</name>"
    "<polygon><username>u</username><pt><x>43</x><y>34</y></pt></polygon></object></annotation>"
)
HASH = {"_input_hash": 1, "_task_hash": 2, "answer": "accept"}

SAMPLES: list[tuple[str, str, Any]] = [
    (
        "VIA 3",
        "via_project.json",
        {
            "project": {"pid": "__VIA_PROJECT_ID__"},
            "config": {"file": {}},
            "attribute": {"1": {"aname": "class"}},
            "file": {"1": {"fid": "1", "fname": "a.jpg", "type": 2}},
            "metadata": {"1_a": {"vid": "1", "flg": 0, "z": [], "xy": [2, 1, 2, 3, 4], "av": {}}},
            "view": {"1": {"fid_list": ["1"]}},
        },
    ),
    ("LabelMe XML of MIT", "Annotations/users/a.xml", MIT),
    (
        "a backup of CVAT",
        "task_0/annotations.json",
        [{"version": 0, "tags": [], "shapes": [{"type": "rectangle", "frame": 0}], "tracks": []}],
    ),
    (
        "Labelbox NDJSON",
        "export.ndjson",
        {"data_row": {"id": "c"}, "media_attributes": {"height": 4}, "projects": {"p": {}}},
    ),
    (
        "Labelbox JSON",
        "export.json",
        [{"ID": "c", "DataRow ID": "d", "Labeled Data": "http://x/a.jpg", "Label": {}}],
    ),
    (
        "V7 Darwin",
        "releases/a.json",
        {
            "version": "2.0",
            "schema_ref": "https://darwin-public.s3.x.com/darwin_json/2.0/schema.json",
            "item": {"name": "a.jpg"},
            "annotations": [{"bounding_box": {"h": 1, "w": 1, "x": 1, "y": 1}, "name": "cat"}],
        },
    ),
    (
        "V7 Darwin",
        "a.json",
        {
            "dataset": "x",
            "image": {"width": 64, "height": 48, "workview_url": "https://darwin.v7labs.com/"},
            "annotations": [{"bounding_box": {"h": 1, "w": 1, "x": 1, "y": 1}, "name": "cat"}],
        },
    ),
    (
        "NDJSON of ultralytics",
        "set.ndjson",
        '{"type": "dataset", "task": "detect", "class_names": {"0": "cat"}}\n{"type": "image"}\n',
    ),
    (
        "Scale AI",
        "tasks.json",
        [
            {
                "task_id": "5",
                "type": "imageannotation",
                "response": {"annotations": [{"label": "cat", "type": "box", **BOX}]},
            }
        ],
    ),
    (
        "Roboflow JSONL",
        "train/_annotations.jsonl",
        {"image": "a.jpg", "prefix": "detect cat", "suffix": "<loc0123><loc0001><loc0900> cat"},
    ),
    (
        "Hasty",
        "hasty.json",
        {
            "project_name": "x",
            "export_format_version": "1.1",
            "label_classes": [{"class_name": "cat"}],
            "images": [{"image_name": "a.jpg", "labels": [{"bbox": [1, 2, 3, 4]}]}],
        },
    ),
    (
        "Dataloop",
        "json/a.json",
        {
            "id": "6",
            "datasetId": "7",
            "filename": "/a.jpg",
            "annotations": [{"type": "box", "label": "cat", "coordinates": [{"x": 1, "y": 2}]}],
        },
    ),
    (
        "Diffgram",
        "diffgram.json",
        {
            "readme": {"export_info": 1},
            "label_map": {"1": "cat"},
            "1": {"file": {}, "annotation_list": [{"type": "box", "label_file_id": 1}]},
        },
    ),
    (
        "Encord",
        "labels.json",
        [
            {
                "label_hash": "a",
                "data_hash": "b",
                "data_units": {"b": {"labels": {"objects": [{"objectHash": "c"}]}}},
            }
        ],
    ),
    ("RectLabel", "a.json", {"filename": "a.jpg", "objects": [{"label": "c", "x_y_w_h": [1]}]}),
    (
        "SuperAnnotate",
        "a.jpg.json",
        {
            "metadata": {"name": "a.jpg", "width": 64, "height": 48},
            "instances": [{"type": "bbox", "className": "cat", "points": {"x1": 1, "x2": 3}}],
        },
    ),
    ("Kili", "kili.json", [{"externalId": "a.jpg", "labels": [{"jsonResponse": {"JOB_0": {}}}]}]),
    (
        "Segments.ai",
        "release.json",
        {"name": "v1", "dataset": {"task_attributes": {}, "samples": [{"name": "a.jpg"}]}},
    ),
    (
        "VoTT",
        "a-asset.json",
        {
            "asset": {"format": "jpg", "name": "a.jpg", "size": {"width": 64, "height": 48}},
            "regions": [{"type": "RECTANGLE", "tags": ["cat"], "boundingBox": BOX}],
        },
    ),
    (
        "Prodigy",
        "a.jsonl",
        {"image": "a.jpg", "spans": [{"label": "cat", "points": RING}], **HASH},
    ),
    (
        "Lightly",
        "predictions/a.json",
        {"file_name": "a.jpg", "predictions": [{"category_id": 0, "bbox": [1, 2, 3, 4]}]},
    ),
    (
        "Azure ML",
        "train.jsonl",
        {
            "image_url": "azureml://a.jpg",
            "image_details": {"format": "jpg", "width": "64px"},
            "label": [{"label": "cat", "topX": 0.1, "topY": 0.2, "bottomX": 0.3, "bottomY": 0.4}],
        },
    ),
    (
        "Vertex AI",
        "a.jsonl",
        {"imageGcsUri": "gs://b/a.jpg", "boundingBoxAnnotations": [{"displayName": "cat"}]},
    ),
    ("Google AutoML CSV", "a.csv", "TRAIN,gs://b/a.jpg,cat,0.1,0.2,,,0.3,0.4,,\n" * 3),
    (
        "PPOCRLabel",
        "Label.txt",
        'a.jpg\t[{"transcription": "abc", "points": [[1, 2], [3, 2], [3, 4], [1, 4]]}]\n',
    ),
    (
        "SageMaker semantic segmentation",
        "output.manifest",
        {
            "source-ref": "s3://b/a.jpg",
            "seg-ref": "s3://b/a.png",
            "seg-ref-metadata": {"internal-color-map": {"0": {"class-name": "cat"}}},
        },
    ),
    (
        "SageMaker image classification",
        "output.manifest",
        {
            "source-ref": "s3://b/a.jpg",
            "cat": 0,
            "cat-metadata": {"class-name": "cat", "type": "groundtruth/image-classification"},
        },
    ),
    (
        "an ImageFolder of Hugging Face",
        "train/metadata.jsonl",
        {"file_name": "a.jpg", "objects": {"bbox": [[1, 2, 3, 4]], "categories": [0]}},
    ),
    (
        "COCO results",
        "bbox_results.json",
        [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}],
    ),
    (
        "annotations of MMDetection",
        "train.json",
        [{"filename": "a.jpg", "ann": {"bboxes": [[1, 2, 3, 4]], "labels": [0]}}],
    ),
    (
        "COCO panoptic",
        "annotations/panoptic_val2017.json",
        {**COCO, "annotations": [{"image_id": 1, "segments_info": [{"bbox": [1, 2, 3, 4]}]}]},
    ),
    (
        "COCO captions",
        "annotations/captions_val2017.json",
        {
            "info": {},
            "images": COCO["images"],
            "annotations": [{"image_id": 1, "id": 1, "caption": "A cat."}],
        },
    ),
    (
        "Cityscapes",
        "gtFine/train/ulm/ulm_000000_000019_gtFine_polygons.json",
        {"imgHeight": 48, "imgWidth": 64, "objects": [{"label": "car", "polygon": RING}]},
    ),
    (
        "Mapillary",
        "v2.0/polygons/a.json",
        {"width": 64, "height": 48, "objects": [{"label": "x", "key": "y", "polygon": RING}]},
    ),
    (
        "Mapillary",
        "annotations/a.json",
        {
            "width": 64,
            "height": 48,
            "ispano": False,
            "objects": [{"key": "y", "label": "x", "bbox": {"xmin": 1}, "properties": {}}],
        },
    ),
    ("ADE20K", "training/a/ADE_train_00000001_seg.png", None),
    (
        "nuImages",
        "v1.0-mini/object_ann.json",
        [{"token": "a", "category_token": "b", "bbox": [1, 2, 3, 4], "sample_data_token": "c"}],
    ),
    ("Waymo", "training/segment-1_2_with_camera_labels.tfrecord", "abc"),
    (
        "CrowdHuman",
        "annotation_train.odgt",
        {"ID": "1", "gtboxes": [{"tag": "person", "fbox": [1, 2, 3, 4], "vbox": [1, 2, 3, 4]}]},
    ),
    (
        "TT100K",
        "annotations.json",
        {
            "types": ["i1"],
            "imgs": {"1": {"path": "a.jpg", "objects": [{"bbox": {"xmin": 1}, "category": "i1"}]}},
        },
    ),
    ("TextOCR", "a.json", {"imgs": {"1": {"file_name": "a.jpg"}}, "anns": {"1": {"bbox": [1]}}}),
    ("MOT Challenge", "train/MOT17-02/gt/gt.txt", MOT),
    ("MOT Challenge", "train/MOT17-02/seqinfo.ini", "[Sequence]\nname=MOT17-02\n"),
    ("KITTI tracking", "training/label_02/0000.txt", TRACKED * 3),
    ("ICDAR", "gt/gt_img_1.txt", "377,117,463,117,465,130,378,130,Genaxis Theatre\n" * 3),
    (
        "CSV of Label Studio",
        "a.csv",
        'image,id,label\n/a.jpg,1,"[{""rectanglelabels"":[""a""]}]"\n',
    ),
    (
        "JSON of Azure Custom Vision",
        "a.json",
        {"images": [{"id": "a", "regions": [{"tagName": "cat", "left": 0.1}]}]},
    ),
    ("text in UTF-16", "a.csv", "\ufefffilename,class\n".encode("utf-16-le")),
    ("rows of a class name", "train/Apple/Label/a.txt", "Apple 10.5 20.2 100.1 90.7\n"),
    ("run lengths of masks", "train.csv", "ImageId,EncodedPixels\na.jpg,264661 17\n"),
    ("YOLO labels without", "labels/a.txt", "0 0.5 0.5 0.25 1\n"),
    ("a packed file", "export.zip.part/inner.tar.gz", "\x1f\x8b"),
    ("GeoJSON", "a.geojson", {"type": "FeatureCollection", "features": []}),
    ("an SFrame", "a.sframe/dir_archive.ini", "[archive]\nversion = 1\n"),
    ("a MATLAB file", "digitStruct.mat", "MATLAB 5.0 MAT-file"),
    ("Parquet", "data/train-00000-of-00001.parquet", "PAR1"),
    ("HDF5", "a.h5", "\x89HDF"),
    ("an LMDB", "train.lmdb/data.mdb", "x"),
    ("a spreadsheet", "labels.xlsx", "PK"),
    ("a pickle", "labels.pkl", "\x80"),
    ("masks of Pascal VOC", "SegmentationClass/a.png", None),
    ("images with masks", "train_masks/a.png", None),
]


def put(root: Path, name: str, content: Any) -> Path:
    """Write a file beside an image: text as it stands, anything else as JSON, None as an image."""
    write_image(root / "images/a.jpg")
    if content is None:
        return write_image(root / name)
    if isinstance(content, bytes):
        (root / name).write_bytes(content)
        return root / name
    return write_text(root / name, content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(("words", "name", "content"), SAMPLES)
def test_a_format_that_is_not_read_is_named(
    words: str, name: str, content: Any, tmp_path: Path
) -> None:
    file = put(tmp_path, name, content)
    for source in (tmp_path, file):
        with pytest.raises(DataError) as caught:
            recognise(source)
        message = caught.value.message
        if source == tmp_path or content is not None:
            assert message.startswith(f"this looks like {words}"), message
            assert file.name in message
            assert caught.value.hint


def test_every_row_of_the_table_has_a_sample() -> None:
    named = [words for words, _, _ in SAMPLES]
    assert TABLE
    assert not [row.name for row in TABLE if not any(row.name.startswith(w) for w in named)]


def test_images_in_folders_by_class(tmp_path: Path) -> None:
    for name in ("train/cat/a.jpg", "train/dog/b.jpg"):
        write_image(tmp_path / name)
    with pytest.raises(DataError, match="images sorted into folders by their class"):
        recognise(tmp_path)


def test_what_is_not_known_keeps_its_sentence(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", '{"a": 1}')
    write_image(tmp_path / "x/a.jpg")
    write_image(tmp_path / "y/a.jpg")
    with pytest.raises(DataError, match="none of the known formats") as caught:
        recognise(tmp_path)
    formats = list_formats()
    assert formats
    assert all(name in caught.value.message for name in formats)


@pytest.mark.parametrize("filler", ["\n", " ", "0", "0 ", '"bbox"', '"tags":', "[", "1,2\n", "\t["])
@pytest.mark.parametrize("suffix", ["json", "txt", "csv", "xml", "jsonl"])
def test_no_filler_makes_a_mark_slow(filler: str, suffix: str, tmp_path: Path) -> None:
    """A mark that goes back and forth would take hours here."""
    write_text(tmp_path / f"gt.{suffix}", filler * (HEAD_BYTES // len(filler)))
    assert find_unsupported(SourceTree(tmp_path)) is None or filler == "0 "


@pytest.mark.parametrize("key", ["segments_info", "caption"])
def test_lists_of_images_may_stand_before_what_coco_holds(key: str, tmp_path: Path) -> None:
    images = [{"id": at, "file_name": f"{at}.jpg"} for at in range(3000)]
    content = {**COCO, "images": images, "annotations": [{"image_id": 1, key: []}]}
    path = write_text(tmp_path / "a.json", json.dumps(content))
    assert path.stat().st_size > HEAD_BYTES
    with pytest.raises(DataError, match="this looks like COCO"):
        recognise(tmp_path)


def test_only_some_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def head(tree: SourceTree, file: Path) -> bytes:
        opened.append(file)
        return b"{}"

    monkeypatch.setattr(SourceTree, "head", head)
    for number in range(300):
        write_text(tmp_path / f"{number}.json", "{}")
    assert find_unsupported(SourceTree(tmp_path)) is None
    assert len(set(opened)) == 200
