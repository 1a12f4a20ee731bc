"""The files of a demo."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from yolokit.errors import DataError, OutputExistsError
from yolokit.jobs.demo import CLASS_SETS, DemoResult, write_demo

if TYPE_CHECKING:
    from pathlib import Path

# Labels of seed 7 with 20 images and one second of video, all four files: the same everywhere.
PINNED = {
    "belt": "89c6cd74ddb7c9dced0bf1db7c91169eb99cc92d59f51be6629fac10e66b56e7",
    "pretrain": "3467af8b28030d7cc7faf0cb21732245394944cabd422e0e88285a694726faff",
}


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DemoResult]:
    folder = tmp_path_factory.mktemp("demos")
    return {
        classes: write_demo(folder / classes, classes=classes, seed=7, images=20, video_seconds=1.0)
        for classes in CLASS_SETS
    }


@pytest.fixture
def belt(demos: dict[str, DemoResult]) -> DemoResult:
    return demos["belt"]


def _load(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _load_truth(result: DemoResult) -> list[Any]:
    lines = (result.out / "video" / "belt.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["index"] for record in records] == list(range(result.frames))
    return records


def test_the_folder_holds_no_other_coco_file_than_those_of_the_splits(belt: DemoResult) -> None:
    # `data convert DIR` looks at every .json file below DIR.
    found = {path.parent.name for path in belt.out.rglob("*.json")}
    assert found == {"annotations"}


@pytest.mark.parametrize("classes", CLASS_SETS)
def test_labels_have_the_pinned_hash(demos: dict[str, DemoResult], classes: str) -> None:
    out = demos[classes].out
    files = [*sorted((out / "annotations").iterdir()), out / "video" / "belt.jsonl"]
    assert [file.name for file in files] == ["test.json", "train.json", "val.json", "belt.jsonl"]
    content = b"".join(file.read_bytes() for file in files)
    assert hashlib.sha256(content).hexdigest() == PINNED[classes]


def test_every_image_record_has_its_picture_and_no_picture_lacks_one(belt: DemoResult) -> None:
    recorded = []
    for split, count in belt.images.items():
        coco = _load(belt.out / "annotations" / f"{split}.json")
        assert len(coco["images"]) == count
        for image in coco["images"]:
            recorded.append(image["file_name"])
            picture = cv2.imread(str(belt.out / "images" / image["file_name"]))
            assert picture is not None
            assert picture.shape == (image["height"], image["width"], 3)
    written = [p.relative_to(belt.out / "images").as_posix() for p in belt.out.rglob("*.jpg")]
    assert sorted(recorded) == sorted(written)
    assert len({name.rsplit("/", 1)[1] for name in recorded}) == 20


def test_records_are_sound_coco(belt: DemoResult) -> None:
    assert set(belt.images) == {"train", "val", "test"}
    for split in belt.images:
        coco = _load(belt.out / "annotations" / f"{split}.json")
        assert [c["name"] for c in coco["categories"]] == list(belt.classes)
        ids = {image["id"] for image in coco["images"]}
        assert len(ids) == len(coco["images"])
        assert {c["id"] for c in coco["categories"]} == {
            a["category_id"] for a in coco["annotations"]
        }
        assert [a["id"] for a in coco["annotations"]] == list(range(1, belt.parts[split] + 1))
        for annotation in coco["annotations"]:
            x, y, wide, high = annotation["bbox"]
            assert annotation["image_id"] in ids
            assert min(x, y) >= 0
            assert x + wide <= 480.001
            assert y + high <= 360.001
            assert annotation["area"] == pytest.approx(wide * high, abs=0.01)


def test_the_result_counts_what_is_in_the_files(belt: DemoResult) -> None:
    assert belt.images == {"train": 15, "val": 2, "test": 3}
    for split in belt.images:
        coco = _load(belt.out / "annotations" / f"{split}.json")
        per_image = Counter(annotation["image_id"] for annotation in coco["annotations"])
        assert belt.backgrounds[split] == belt.images[split] - len(per_image) >= 1
        assert belt.parts[split] == per_image.total()


def test_the_video_plays_and_has_a_record_a_frame(belt: DemoResult) -> None:
    assert belt.video is not None
    truth = _load_truth(belt)
    with av.open(str(belt.video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [(frame.time, frame.width, frame.height) for frame in container.decode(video=0)]
    assert len(frames) == len(truth) == belt.frames == 25
    for (time_s, wide, high), record in zip(frames, truth, strict=True):
        assert time_s == pytest.approx(record["pts_s"], abs=1e-4)
        assert (wide, high) == (record["width_px"], record["height_px"])
    content = belt.video.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat"), "a browser starts before the end"


def test_tracks_of_the_video_keep_their_class(belt: DemoResult) -> None:
    classes: dict[int, set[str]] = {}
    for record in _load_truth(belt):
        for part in record["objects"]:
            classes.setdefault(part["track_id"], set()).add(part["name"])
            assert belt.classes[part["class_id"]] == part["name"]
            x1, y1, x2, y2 = part["xyxy"]
            assert 0 <= x1 < x2 <= record["width_px"]
            assert 0 <= y1 < y2 <= record["height_px"]
    assert classes
    assert all(len(found) == 1 for found in classes.values())


def test_seed_licence_and_command_are_written_down(belt: DemoResult) -> None:
    info = _load(belt.out / "annotations" / "val.json")["info"]
    command = "yolokit data demo --out DIR --classes belt --seed 7 --images 20 --video-seconds 1"
    assert (info["seed"], info["license"], info["command"]) == (7, "CC0-1.0", command)
    readme = (belt.out / "README.txt").read_text(encoding="utf-8")
    assert command in readme
    assert "CC0-1.0" in readme


def test_without_video_there_is_no_folder_for_it(tmp_path: Path) -> None:
    steps: list[int] = []
    result = write_demo(tmp_path / "d", images=20, video_seconds=0, on_progress=steps.append)
    assert (result.video, result.frames) == (None, 0)
    assert not (tmp_path / "d" / "video").exists()
    assert steps == list(range(1, 21))


def test_an_output_that_exists_is_kept_unless_told(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputExistsError):
        write_demo(tmp_path / "d", images=20, video_seconds=0)
    assert (tmp_path / "d" / "mine.txt").read_text(encoding="utf-8") == "mine"
    with pytest.raises(OutputExistsError, match="not an earlier result of `yolokit data demo`"):
        write_demo(tmp_path / "d", images=20, video_seconds=0, overwrite=True)
    (tmp_path / "d" / "mine.txt").unlink()
    write_demo(tmp_path / "d", images=20, video_seconds=0.1)
    write_demo(tmp_path / "d", images=20, video_seconds=0, classes="pretrain", overwrite=True)
    assert not (tmp_path / "d" / "video").exists()
    (tmp_path / "d" / "images" / "mine.jpg").touch()
    with pytest.raises(OutputExistsError, match=r"it holds images/mine\.jpg"):
        write_demo(tmp_path / "d", images=20, video_seconds=0, overwrite=True)


def test_an_interrupted_demo_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "d", images=20, video_seconds=0, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    def fail(_done: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="No space left"):
        write_demo(tmp_path / "d", images=20, video_seconds=0, on_progress=fail)
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_a_seed_repeat(tmp_path: Path, belt: DemoResult) -> None:
    again = write_demo(tmp_path / "d", seed=7, images=20, video_seconds=0)
    names = sorted(p.relative_to(again.out) for p in again.out.rglob("*.jpg"))
    first = [cv2.imread(str(belt.out / name)) for name in names[:5]]
    second = [cv2.imread(str(again.out / name)) for name in names[:5]]
    assert len(first) == 5
    for one, other in zip(first, second, strict=True):
        assert one is not None
        np.testing.assert_array_equal(one, other)
