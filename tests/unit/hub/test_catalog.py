"""The catalog of published weights: every entry is well formed, and says nothing untrue."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from yolokit.hub import catalog as entries
from yolokit.hub.catalog import WeightsEntry, find_entry, list_entries, list_names
from yolokit.hub.urls import file_name_of, is_plain_name

ENTRIES = list_entries()
ULTRALYTICS = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
SUFFIXES = {"detect": "", "segment": "-seg", "pose": "-pose", "obb": "-obb", "classify": "-cls"}
KINDS = {
    "detect": "coco",
    "segment": "coco",
    "pose": "coco",
    "obb": "dota",
    "classify": "imagenet",
}

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def expected_names() -> set[str]:
    """Return what Ultralytics publishes for the five tasks, and the files of Darknet."""
    whole = {
        f"{family}{scale}{suffix}"
        for family in ("yolo26", "yolo11", "yolov8")
        for scale in "nsmlx"
        for suffix in SUFFIXES.values()
    }
    return whole | {
        "yolov8x-pose-p6",
        *(f"yolo12{scale}" for scale in "nsmlx"),
        *(f"yolov10{scale}" for scale in "nsmblx"),
        *(f"yolov9{scale}" for scale in "tsmce"),
        *(f"yolov9{scale}-seg" for scale in "ce"),
        *(f"yolov5{scale}{size}u" for scale in "nsmlx" for size in ("", "6")),
        *("yolov3u", "yolov3-sppu", "yolov3-tinyu", "rtdetr-l", "rtdetr-x"),
        *("darknet53.conv.74", "yolov3.weights", "yolov3-tiny.weights", "yolov4.conv.137"),
    }


def test_all_families_are_there() -> None:
    names = {entry.name for entry in ENTRIES if entry.family != "torchvision"}
    assert names == expected_names()
    assert len({entry.name for entry in ENTRIES if entry.family == "torchvision"}) > 60


def load(name: str) -> WeightsEntry:
    entry = find_entry(name)
    assert entry is not None, name
    return entry


@every_entry
def test_names_are_those_of_the_files(entry: WeightsEntry) -> None:
    assert load(entry.name) == entry
    assert is_plain_name(entry.name)
    assert is_plain_name(entry.file)
    assert Path(entry.file).suffix in {".pt", ".pth", ".weights", ".74", ".137"}
    if entry.family == "torchvision":
        assert entry.name == f"torchvision-{entry.scale}"
    else:
        assert entry.file.removesuffix(".pt") == entry.name


def test_files_are_unique() -> None:
    files = [entry.file.lower() for entry in ENTRIES]
    assert len(set(files)) == len(files)


@every_entry
def test_addresses_are_encrypted_and_lead_to_the_file(entry: WeightsEntry) -> None:
    assert entry.urls
    assert len(set(entry.urls)) == len(entry.urls)
    for url in entry.urls:
        assert urlsplit(url).scheme == "https"
        assert not urlsplit(url).query
        assert url.endswith(f"/{entry.file}")
        assert file_name_of(url) == entry.file


@every_entry
def test_hashes_are_complete_and_have_a_source(entry: WeightsEntry) -> None:
    assert (entry.sha256 is None) == (entry.hash_source is None)
    if entry.sha256 is not None:
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.sha256.startswith(entry.sha256_prefix or "")
    if entry.sha256_prefix is not None:
        assert re.fullmatch(r"[0-9a-f]{8,63}", entry.sha256_prefix)
        assert entry.file.endswith(f"-{entry.sha256_prefix}.pth")
    assert (entry.sha256_prefix is not None) == (entry.family == "torchvision")
    assert entry.size_bytes is None or entry.size_bytes > 1_000_000


def test_no_two_files_have_one_hash() -> None:
    hashes = [entry.sha256 for entry in ENTRIES if entry.sha256]
    assert len(set(hashes)) == len(hashes)
    sizes = [entry.size_bytes for entry in ENTRIES if entry.size_bytes]
    assert len(set(sizes)) == len(sizes)


def test_what_most_people_use_is_verified() -> None:
    wanted = [f"{family}{scale}" for family in ("yolo26", "yolo11", "yolov8") for scale in "nsmlx"]
    wanted += ["torchvision-resnet18", "torchvision-resnet50", "yolov3.weights", "yolov4.conv.137"]
    assert [name for name in wanted if load(name).sha256 is None] == []
    assert [name for name in wanted if load(name).size_bytes is None] == []


@every_entry
def test_ultralytics_files_come_from_its_release(entry: WeightsEntry) -> None:
    if entry.family in ("darknet", "torchvision"):
        return
    assert entry.license == "AGPL-3.0-only"
    assert entry.urls[-1] == ULTRALYTICS + entry.file
    assert SUFFIXES[entry.task] in entry.name
    assert entry.kind == KINDS[entry.task]
    assert entry.scale is not None or entry.name == "yolov3u"


def test_yolov8_does_not_come_from_the_hub() -> None:
    # There the same names stand for the files of an older release: sha256 31e20dde in place of
    # f59b3d83 for yolov8n.pt.
    from_hub = {entry.family for entry in ENTRIES if "huggingface.co" in "".join(entry.urls)}
    assert from_hub == {"yolo26", "yolo11"}


def test_a_detector_has_a_backbone_of_its_scale() -> None:
    for family in ("yolo26", "yolo11", "yolov8"):
        for scale in "nsmlx":
            backbone = load(f"{family}{scale}-cls")
            assert (backbone.task, backbone.kind) == ("classify", "imagenet")
            assert (backbone.family, backbone.scale) == (family, scale)


def test_darknet_files() -> None:
    kinds = {entry.name: entry.kind for entry in ENTRIES if entry.family == "darknet"}
    assert kinds == {
        "darknet53.conv.74": "backbone",
        "yolov4.conv.137": "backbone",
        "yolov3.weights": "coco",
        "yolov3-tiny.weights": "coco",
    }


def test_torchvision_files_are_its_own() -> None:
    models = pytest.importorskip("torchvision.models")
    published = [entry for entry in ENTRIES if entry.family == "torchvision"]
    assert published
    for entry in published:
        assert entry.scale is not None
        choices = {weights.url: weights for weights in models.get_model_weights(entry.scale)}
        (url,) = entry.urls
        assert url in choices
        assert "license" not in choices[url].meta, "weights under terms of their own"
        assert re.fullmatch(r"IMAGENET1K_V\d", choices[url].name)
        default = models.get_model_weights(entry.scale).DEFAULT
        assert choices[url] is default or "license" in default.meta
        assert (entry.task, entry.kind, entry.license) == ("classify", "imagenet", "BSD-3-Clause")


def test_listing_reads_no_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> WeightsEntry:
        raise AssertionError

    monkeypatch.setattr(entries, "_read", refuse)
    names = list_names()
    assert list(names) == sorted(names)
    assert len(names) == len(ENTRIES)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("yolo26n", "yolo26n"),
        ("yolo26n.pt", "yolo26n"),
        ("yolov8n-seg.pt", "yolov8n-seg"),
        ("torchvision:resnet50", "torchvision-resnet50"),
        ("torchvision-resnet50", "torchvision-resnet50"),
        ("resnet50-11ad3fa6.pth", "torchvision-resnet50"),
        ("darknet53.conv.74", "darknet53.conv.74"),
        ("yolov3-tiny.weights", "yolov3-tiny.weights"),
    ],
)
def test_entries_are_found_by_name_and_by_file(typed: str, name: str) -> None:
    entry = find_entry(typed)
    assert entry is not None
    assert entry.name == name


@pytest.mark.parametrize(
    "typed", ["", "yolo26", "best.pt", "resnet50.pth", "../yolo26n", "resnet50-00000000.pth"]
)
def test_what_is_not_there_is_not_found(typed: str) -> None:
    assert find_entry(typed) is None
