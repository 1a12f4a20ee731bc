"""The catalog of public data sets: every card is well formed, and says where all comes from."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from yolokit.convert.option_checks import check_assumptions
from yolokit.convert.steps.assign_splits import SplitPlan
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.formats.toolkit.plugin import list_formats, load_format
from yolokit.hub import catalog as datasets
from yolokit.hub.catalog import (
    ArchiveCard,
    DatasetCard,
    list_cards,
    list_dataset_names,
    load_card,
)
from yolokit.hub.urls import is_plain_name

CARDS = list_cards()
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


def test_the_usual_sets_are_there() -> None:
    assert {
        "coco", "coco8", "coco128", "coco8-seg", "coco8-pose", "voc2007", "voc2012", "bccd",
        "visdrone", "widerface", "kitti", "dota8", "african-wildlife", "brain-tumor", "crack-seg",
        "package-seg", "carparts-seg", "signature",
    } <= {card.name for card in CARDS}  # fmt: skip


@every_card
def test_names_licences_and_homepages(card: DatasetCard) -> None:
    assert load_card(card.name) == card
    assert is_plain_name(card.name)
    assert card.title
    assert card.image_license
    assert card.label_license
    assert urlsplit(card.homepage).scheme in ("http", "https")
    assert card.class_count > 0


@every_card
def test_terms_that_forbid_commercial_use_are_noted(card: DatasetCard) -> None:
    if "-NC" in card.terms or "academic" in card.terms:
        assert card.note is not None
        assert "no commercial use" in card.note.lower()


@every_card
def test_formats_tasks_and_splits(card: DatasetCard) -> None:
    assert card.format in list_formats()
    assert card.tasks
    assert set(card.tasks) <= set(load_format(card.format).READS)
    assert set(card.tasks) <= set(Task)
    assert set(card.splits) <= {"train", "val", "test"}
    SplitPlan.parse(card.split)
    check_assumptions(card.assume, {card.format: load_format(card.format)})


@every_card
def test_archives(card: DatasetCard) -> None:
    assert card.archives
    for archive in card.archives:
        assert is_plain_name(archive.file)
        assert archive.file.endswith((".zip", ".tar"))
        assert archive.holds
        assert archive.urls
        for url in archive.urls:
            assert urlsplit(url).scheme == "https"
            assert not urlsplit(url).query
        assert (archive.sha256 is None) == (archive.hash_source is None)
        assert archive.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", archive.sha256)
        assert archive.size_bytes is None or archive.about_bytes is None


@every_card
def test_places_stay_in_the_set(card: DatasetCard, tmp_path: Path) -> None:
    assert card.sources
    places = [*card.sources, *(one.into for one in card.archives), card.images or ""]
    for place in places:
        assert place == "" or inside(tmp_path, place) is not None


@every_card
def test_data_yaml_has_the_names_and_splits(card: DatasetCard) -> None:
    assert (card.data_yaml is not None) == (card.format == "yolo")
    if card.data_yaml is not None:
        assert len(card.data_yaml["names"]) == card.class_count
        assert set(card.splits) == {"train", "val", "test"} & set(card.data_yaml)
        assert ("kpt_shape" in card.data_yaml) == ("pose" in card.tasks)
        assert card.sources == ("data.yaml",)


def test_an_archive_of_two_sets_is_the_same() -> None:
    known: dict[str, ArchiveCard] = {}
    for card in CARDS:
        for archive in card.archives:
            first = known.setdefault(archive.file.lower(), archive)
            assert (first.urls, first.sha256) == (archive.urls, archive.sha256)
    assert len(known) < sum(len(card.archives) for card in CARDS), "some are shared"


def test_sizes_in_words() -> None:
    assert load_card("coco").describe_size() == "20.4 GB"
    assert load_card("brain-tumor").describe_size() == "about 4.2 MB"
    assert load_card("bccd").describe_size() == "size not stated"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match=r"unknown data set 'coco218'.*'coco128'"):
        load_card("coco218")


def test_listing_reads_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> DatasetCard:
        raise AssertionError

    monkeypatch.setattr(datasets, "_read", refuse)
    assert list(list_dataset_names()) == sorted(card.name for card in CARDS)
