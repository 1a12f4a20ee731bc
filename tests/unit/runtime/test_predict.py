"""The predict job: options checked together, sinks that suit, results whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from yolokit.core.events import Notice
from yolokit.errors import (
    ConfigError,
    DataError,
    InferenceError,
    JobCancelledError,
    OutputExistsError,
)
from yolokit.files.digest import sha256_file
from yolokit.images.files import write_image
from yolokit.runtime.config import PredictConfig
from yolokit.runtime.predict import PredictJob, choose_sinks, open_job, open_sources, predict_files
from yolokit.runtime.profiles import Profile, describe_machine, save_profile
from yolokit.runtime.sinks.video import Mp4Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.core.events import Event

    SaveImage = Callable[..., Path]


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    writer = Mp4Writer(tmp_path / "clip.mp4", (64, 64), fps=Fraction(10), time_base=Fraction(1, 10))
    for index in range(6):
        writer.write(np.full((64, 64, 3), 255 - index, np.uint8), index / 10)
    writer.close()
    return tmp_path / "clip.mp4"


def config(model: Path | str, *sources: Path | str, **options: Any) -> Any:
    return PredictConfig.build(
        {"model": str(model), "sources": tuple(map(str, sources)), **options}
    )


def run(job: PredictJob) -> list[dict[str, Any]]:
    with contextlib.closing(job.run()) as running:
        assert list(running) == list(range(1, job.summary.frames + 1))
    assert job.out is not None
    lines = (job.out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class TestOptions:
    def test_all_mistakes_at_once(self) -> None:
        with pytest.raises(ConfigError) as caught:
            config(
                "m.onnx",
                "a.png",
                conf=1.5,
                iou=-0.1,
                max_det=0,
                threads=0,
                provider="cudda",
                save=("vidoe", "images"),
                out="x",
                name="a/b",
            )
        text = str(caught.value)
        for word in ("conf", "iou", "max_det", "threads", "'cuda'", "'video'", "out and name"):
            assert word in text
        assert len(caught.value.problems) == 8
        assert caught.value.exit_code == 2

    def test_an_empty_save(self) -> None:
        with pytest.raises(ConfigError, match="save: is empty; the known ones are images, jsonl"):
            config("m.onnx", "a.png", save=())

    def test_a_source_without_a_name(self) -> None:
        """As a variable of a shell that was never set."""
        with pytest.raises(ConfigError, match="sources: one of them has an empty name"):
            config("m.onnx", "a.png", "")

    @pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "C:x"])
    def test_a_name_is_no_path(self, name: str) -> None:
        with pytest.raises(ConfigError, match="must be the name of a folder"):
            config("m.onnx", "a.png", name=name)


class TestSources:
    def test_all_that_is_wrong_at_once(self, save_image: SaveImage) -> None:
        good = save_image("a.png")
        with pytest.raises(DataError, match="2 sources cannot be used") as caught:
            open_sources([str(good), "b.png", "a.pgn"])
        assert "b.png: there is no such" in str(caught.value)
        assert caught.value.hint is not None
        assert "a.png" in caught.value.hint

    def test_one_that_is_wrong_is_reported_as_it_is(self) -> None:
        with pytest.raises(DataError, match="no such file") as caught:
            open_sources(["b.png"])
        assert caught.value.path == "b.png"


class TestSinks:
    def choose(self, *sources: Path | str, **options: Any) -> tuple[str, ...]:
        chosen = config("m.onnx", *sources, **options)
        return choose_sinks(chosen, open_sources(chosen.sources))

    def test_they_suit_the_sources(self, save_image: SaveImage, clip: Path) -> None:
        image = save_image("a.png")
        assert self.choose(image) == ("jsonl", "images")
        assert self.choose(clip) == ("jsonl", "video")
        assert self.choose(image, clip) == ("jsonl", "images", "video")

    def test_records_on_stdout_need_no_folder(self, clip: Path) -> None:
        assert self.choose(clip, records_only=True) == ()
        assert self.choose(clip, records_only=True, save=("video",)) == ("video",)
        for place in ({"out": "x"}, {"name": "x"}):  # whoever names a folder wants one
            assert self.choose(clip, records_only=True, **place) == ("jsonl", "video")

    def test_what_was_asked_for_twice_is_made_once(self, clip: Path) -> None:
        assert self.choose(clip, save=("video", "jsonl", "video")) == ("video", "jsonl")

    def test_one_that_nothing_is_for(self, save_image: SaveImage) -> None:
        with pytest.raises(DataError, match="none of the sources gives anything for --save video"):
            self.choose(save_image("a.png"), save=("video",))


class TestRun:
    def test_images_and_a_video(
        self, bright_model: Path, save_image: SaveImage, clip: Path
    ) -> None:
        save_image("in/white.png")
        save_image("in/deep/black.png", 0)
        Path("in/deep/broken.png").write_bytes(b"x")
        job = open_job(config(bright_model, "in", clip, conf=0.5, threads=1))
        assert job.frame_count == 9
        records = run(job)
        assert job.out == Path("runs/predict", bright_model.stem)
        assert [Path(record["source"]).name for record in records] == [
            *["black.png", "broken.png", "white.png"],
            *["clip.mp4"] * 6,
        ]
        assert [len(record["detections"]) for record in records] == [0, 0, 2, *[2] * 6]
        assert records[1]["error"] == "not a whole image that OpenCV can decode"
        assert [record["pts_s"] for record in records[3:]] == [i / 10 for i in range(6)]
        assert (job.summary.frames, job.summary.failed) == (9, 1)
        written = {p.relative_to(job.out).as_posix() for p in job.out.rglob("*") if p.is_file()}
        assert written == {
            "predictions.jsonl",
            "images/white.png",
            "images/deep/black.png",
            "clip.mp4",
        }

    def test_records_name_the_pictures_that_were_made(
        self, bright_model: Path, save_image: SaveImage, clip: Path
    ) -> None:
        save_image("p/x.jpg")
        save_image("q/x.jpg/y.png")
        other = save_image("other/clip.mp4/x.jpg").parent.parent / "clip.avi"
        other.write_bytes(clip.read_bytes())
        job = open_job(config(bright_model, "p", "q", clip, other, out="there", threads=1))
        records = run(job)
        assert list(dict.fromkeys(record["picture"] for record in records)) == [
            *["images/x.jpg", "images/x-2.jpg/y.png", "clip.mp4", "clip-2.mp4"]
        ]
        assert all(Path("there", record["picture"]).is_file() for record in records)

    def test_a_picture_that_cannot_be_written_costs_no_record(
        self, bright_model: Path, save_image: SaveImage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path, bgr: Any) -> None:
            if path.name == "b.png":
                raise DataError("cannot be written: Permission denied", path=path)
            write_image(path, bgr)

        monkeypatch.setattr("yolokit.runtime.sinks.images.write_image", refuse)
        for name in ("a.png", "b.png", "c.png"):
            save_image(f"in/{name}")
        job = open_job(config(bright_model, "in", out="there", threads=1))
        records = run(job)
        assert [record.get("picture") for record in records] == [
            *["images/a.png", None, "images/c.png"]
        ]
        reason = "no picture: cannot be written: Permission denied"
        assert records[1]["notes"] == [reason]
        assert records[1]["error"] is None
        assert len(records[1]["detections"]) == 2
        assert job.summary.unwritten == {reason: 1}

    def test_a_full_disk_ends_it_and_leaves_nothing(
        self, bright_model: Path, save_image: SaveImage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path, _bgr: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        monkeypatch.setattr("yolokit.runtime.sinks.images.write_image", refuse)
        job = open_job(config(bright_model, save_image("a.png"), out="there", threads=1))
        with pytest.raises(OSError, match="No space left"):
            run(job)
        assert [p for p in os.listdir() if "there" in p] == []

    @pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
    def test_a_name_that_is_not_utf8_costs_nothing(
        self, bright_model: Path, save_image: SaveImage, clip: Path
    ) -> None:
        save_image("in/a.png")
        save_image("in/b.png").rename("in/caf\udce9.png")
        clip.rename("in/caf\udce9.mkv")
        job = open_job(config(bright_model, "in", out="there", threads=1))
        records = run(job)
        assert [record["source"] for record in records] == [
            *["in/a.png", r"in/caf\xe9.png"],
            *[r"in/caf\xe9.mkv"] * 6,
        ]
        assert {record["picture"] for record in records} == {
            "images/a.png",
            r"images/caf\xe9.png",
            r"caf\xe9.mp4",
        }
        assert all(Path("there", record["picture"]).is_file() for record in records)

    def test_frames_as_images_where_no_video_is_made(self, bright_model: Path, clip: Path) -> None:
        save = ("jsonl", "images")
        job = open_job(config(bright_model, clip, out="there", save=save, threads=1))
        assert len(run(job)) == 6
        assert len(os.listdir("there/images/clip")) == 6

    def test_every_run_has_a_name_of_its_own(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        image = save_image("a.png")
        outs = []
        for _ in range(3):
            job = open_job(config(bright_model, image, save=("jsonl",), threads=1))
            run(job)
            outs.append(str(job.out))
        stem = bright_model.stem
        assert [Path(out).name for out in outs] == [f"{stem}{end}" for end in ("", "-2", "-3")]

    def test_a_run_at_the_same_time_takes_the_next_name(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        image = save_image("a.png")
        first, second = (
            open_job(config(bright_model, image, save=("jsonl",), threads=1)) for _ in range(2)
        )
        running = first.run()
        next(running)
        run(second)
        assert list(running) == []
        assert (str(first.out), str(second.out)) == (
            str(Path("runs/predict", bright_model.stem)),
            str(Path("runs/predict", f"{bright_model.stem}-2")),
        )

    def test_an_output_that_exists_is_refused_before_the_model_is_loaded(
        self, save_image: SaveImage
    ) -> None:
        Path("there").mkdir()
        Path("there/mine.txt").touch()
        with pytest.raises(OutputExistsError, match="there already exists") as caught:
            open_job(config("missing.onnx", save_image("a.png"), out="there"))
        assert caught.value.hint == "choose another --name or --out"
        Path("runs/predict/x/y").mkdir(parents=True)
        with pytest.raises(OutputExistsError):
            open_job(config("missing.onnx", save_image("a.png"), name="x"))

    def test_it_is_replaced_on_request(self, bright_model: Path, save_image: SaveImage) -> None:
        one, two = save_image("one/a.png"), save_image("two/b.png")
        Path("there").mkdir()
        run(open_job(config(bright_model, one, out="there", threads=1)))
        with pytest.raises(OutputExistsError) as caught:
            open_job(config(bright_model, two, out="there", threads=1))
        assert "replace it with --overwrite" in (caught.value.hint or "")
        job = open_job(config(bright_model, two, out="there", overwrite=True, threads=1))
        assert os.listdir("there/images") == ["a.png"]
        run(job)
        assert os.listdir("there/images") == ["b.png"]
        assert sorted(os.listdir("there")) == ["images", "predictions.jsonl"]

    @pytest.mark.parametrize("out", ["photos", "photos/..", ".", "photos/out", "listed"])
    def test_what_is_read_is_never_replaced(
        self, out: str, bright_model: Path, save_image: SaveImage
    ) -> None:
        save_image("photos/a.png")
        for folder in ("photos/out", "listed"):
            run(open_job(config(bright_model, save_image("x.png"), out=folder, threads=1)))
        Path("list.txt").write_text("listed/images/x.png\n")
        sources = ("photos", "list.txt")
        for overwrite in (False, True):
            asked = config(bright_model, *sources, out=out, overwrite=overwrite, threads=1)
            with pytest.raises(OutputExistsError) as caught:
                open_job(asked)
            assert "--overwrite" not in (caught.value.hint or "")
        assert sorted(os.listdir("photos")) == ["a.png", "out"]

    def test_results_with_anything_else_beside_are_kept(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        image = save_image("a.png")
        for name, named in {
            "mine.txt": "mine.txt", ".git/HEAD": r"\.git", "images/mine.png": "images/mine.png",
            "mine/a.mp4": "mine", "b/": "b",
        }.items():  # fmt: skip
            out = Path("out") / str(len(name))
            run(open_job(config(bright_model, image, out=str(out), threads=1)))
            (out / name).parent.mkdir(exist_ok=True)
            (out / name).mkdir() if name.endswith("/") else (out / name).touch()
            with pytest.raises(OutputExistsError, match=f"it holds {named}"):
                open_job(config(bright_model, image, out=str(out), overwrite=True))
            assert (out / name).exists()

    def test_pictures_are_those_that_records_name(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        """A failed image leaves a place in the count, which is not one for a file of the user's."""
        save_image("in/a.png")
        for name in ("b.png", "c.png"):
            Path("in", name).write_text("no picture")
        for name in ("images/mine.png", "images/notes.txt", "mine.mp4"):
            out = Path("out", str(len(name)))
            run(open_job(config(bright_model, "in", out=str(out), threads=1)))
            (out / name).touch()
            with pytest.raises(OutputExistsError, match=f"it holds {name}, which"):
                open_job(config(bright_model, "in", out=str(out), overwrite=True))

    def test_results_of_the_former_version_are_told_by_their_count(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        """Its records do not name their pictures."""
        image = save_image("a.png")
        run(open_job(config(bright_model, image, out="out", threads=1)))
        records = Path("out/predictions.jsonl")
        former = json.loads(records.read_text())
        del former["picture"]
        records.write_text(json.dumps(former) + "\n")
        open_job(config(bright_model, image, out="out", overwrite=True))
        for name in ("images/mine.png", "images/mine.txt", "mine.mp4"):
            Path("out", name).touch()
            with pytest.raises(OutputExistsError, match="cannot be replaced: it holds"):
                open_job(config(bright_model, image, out="out", overwrite=True))
            Path("out", name).unlink()

    def test_an_error_leaves_nothing_behind(self, make_model: Any, save_image: SaveImage) -> None:
        nonsense = make_model(np.full((1, 6, 2), np.nan, np.float32))
        job = open_job(config(nonsense, save_image("a.png"), out="there", threads=1))
        with pytest.raises(InferenceError, match="NaN"):
            run(job)
        assert [p for p in os.listdir() if "there" in p] == []

    def test_stopping_leaves_nothing_behind(self, bright_model: Path, clip: Path) -> None:
        job = open_job(config(bright_model, clip, out="there", threads=1))
        running = job.run()
        next(running)
        running.close()
        assert [p for p in os.listdir() if "there" in p] == []

    def test_more_sinks_get_the_same(self, bright_model: Path, save_image: SaveImage) -> None:
        seen = []

        class Sink:
            def begin(self, source: Any) -> None:
                seen.append(source.uri)

            def write(self, frame: Any, detections: Any, picture: Any) -> None:
                seen.append(len(detections))

        image = save_image("a.png")
        job = open_job(config(bright_model, image, records_only=True, threads=1))
        list(job.run([Sink()]))  # type: ignore[list-item]
        assert seen == [str(image), 2]
        assert job.out is None
        assert not Path("runs").exists()


class TestStop:
    """A run that is stopped publishes what is done, and says that it is a part."""

    def stop_after(self, job: PredictJob, count: int) -> list[dict[str, Any]]:
        for done in job.run():
            if done == count:
                job.stop.request()
        assert job.out is not None
        lines = (job.out / "predictions.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @pytest.mark.parametrize("out", [None, "there"])
    def test_images_and_records_agree(
        self, out: str | None, bright_model: Path, save_image: SaveImage
    ) -> None:
        for number in range(40):
            save_image(f"in/{number:02d}.png")
        job = open_job(config(bright_model, "in", out=out, threads=1))
        records = self.stop_after(job, 3)
        assert job.out is not None
        assert job.summary.is_partial
        assert [Path(record["source"]).name for record in records] == ["00.png", "01.png", "02.png"]
        assert sorted(os.listdir(job.out / "images")) == ["00.png", "01.png", "02.png"]
        assert json.loads((job.out / "partial.json").read_text()) == {
            "frames": 3,
            "frames_expected": 40,
            "last_source": "in/02.png",
            "last_index": 2,
        }

    def test_a_video_ends_after_the_last_frame_that_is_done(
        self, bright_model: Path, tmp_path: Path
    ) -> None:
        import av

        path = tmp_path / "long.mp4"
        writer = Mp4Writer(path, (64, 64), fps=Fraction(10), time_base=Fraction(1, 10))
        for index in range(60):
            writer.write(np.full((64, 64, 3), 255 - index, np.uint8), index / 10)
        writer.close()
        records = self.stop_after(open_job(config(bright_model, path, out="there", threads=1)), 7)
        assert len(records) == 7
        with av.open("there/long.mp4") as container:
            assert container.streams.video[0].frames == 7
            assert len(list(container.decode(video=0))) == 7

    def test_a_request_after_the_last_image_leaves_a_whole_result(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        job = open_job(config(bright_model, save_image("a.png"), out="there", threads=1))
        running = job.run()
        next(running)
        for thread in threading.enumerate():
            if thread.name.startswith("yolokit-"):
                thread.join(20)
        job.stop.request()
        assert list(running) == []
        assert not job.summary.is_partial
        assert sorted(os.listdir("there")) == ["images", "predictions.jsonl"]

    def test_where_nothing_is_done_nothing_is_published(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        job = open_job(config(bright_model, save_image("a.png"), out="there", threads=1))
        job.stop.request()
        with pytest.raises(JobCancelledError, match="before the first image was done"):
            list(job.run())
        assert [name for name in os.listdir() if "there" in name] == []

    def test_a_part_is_replaced_by_the_whole_on_request(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        for number in range(40):
            save_image(f"in/{number:02d}.png")
        self.stop_after(open_job(config(bright_model, "in", out="there", threads=1)), 3)
        run(open_job(config(bright_model, "in", out="there", overwrite=True, threads=1)))
        assert sorted(os.listdir("there")) == ["images", "predictions.jsonl"]
        assert len(os.listdir("there/images")) == 40

    def test_another_file_of_that_name_is_somebody_elses(
        self, bright_model: Path, save_image: SaveImage
    ) -> None:
        run(open_job(config(bright_model, save_image("a.png"), out="there", threads=1)))
        Path("there/partial.json").write_text('{"mine": true}')
        with pytest.raises(OutputExistsError, match=r"it holds partial\.json"):
            open_job(config(bright_model, "a.png", out="there", overwrite=True))


@pytest.fixture
def profile(bright_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Profile:
    """A profile of the model, of this machine, that says one thread."""
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    profile = Profile(
        model=str(bright_model),
        sha256=sha256_file(bright_model),
        machine=describe_machine(),
        provider="cpu",
        precision="fp32",
        threads=1,
        p50_ms=4.0,
        default_p50_ms=6.0,
        proof="equal",
        measured_at="2026-11-29T12:00:00+00:00",
    )
    save_profile(profile)
    return profile


@pytest.mark.usefixtures("profile")
def test_a_profile_decides_and_is_told(bright_model: Path, save_image: SaveImage) -> None:
    events: list[Event] = []
    run = predict_files(config(bright_model, save_image("a.png")), events.append)
    assert (run.provider, run.threads) == ("cpu", 1)
    told = [one.message for one in events if isinstance(one, Notice)]
    assert told[0].startswith("note: runs on cpu in fp32 with 1 thread, which `yolokit bench`")
    asked = open_job(config(bright_model, save_image("b.png"), threads=2))
    assert asked.detector.threads == 2
    assert asked.engine_notes == ()


def test_a_profile_whose_provider_does_not_load_is_not_used(
    profile: Profile, bright_model: Path, save_image: SaveImage
) -> None:
    save_profile(msgspec.structs.replace(profile, provider="qnn"))
    job = open_job(config(bright_model, save_image("a.png")))
    assert job.detector.provider != "qnn"
    assert job.engine_notes[0].startswith(
        "what `yolokit bench` found best is not used: the provider 'qnn' is not installed"
    )
