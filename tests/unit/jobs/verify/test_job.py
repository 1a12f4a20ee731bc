"""Whether one model is as good as another: by labels, by boxes, by raw outputs; record and page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

import yolokit.runtime.providers
from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, photograph
from tests.contract.test_tasks import plugged_in
from tests.unit.runtime.conftest import ULTRALYTICS, raw_table, save_model
from yolokit.cli.main import main
from yolokit.errors import ConfigError, DataError, OutputExistsError
from yolokit.jobs.verify.config import VerifyConfig
from yolokit.jobs.verify.job import VerifyRun, verify_models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.jobs.verify.record import Check, VerifyReport

NUT, BOLT = (8.0, 8.0, 24.0, 24.0), (32.0, 16.0, 64.0, 48.0)
RIGHT = ((0.9, 0.0), (0.0, 0.8))
# A provider that computes on the CPU, and something else than the model says.
WRONG = """
from yolokit.runtime.providers.toolkit import Provider
from yolokit.runtime.providers.cpu import PROVIDER as CPU

class Engine:
    def __init__(self, inner):
        self.inner, self.notes = inner, inner.notes
        self.inputs, self.outputs = inner.inputs, inner.outputs

    def run(self, feeds, output_names):
        outputs = self.inner.run(feeds, output_names)
        return [WHAT(output.copy()) for output in outputs]

def half_scores(output):
    output[:, 4:] *= 0.5
    return output

def move_boxes(output):
    output[:, :2] += 0.5
    return output

PROVIDER = Provider(
    open=lambda path, options: Engine(CPU.open(path, options)), version=lambda: "1", rank=None
)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def data(here: Path) -> Path:
    """Twelve pictures, each with a nut and a bolt where ``RIGHT`` finds them."""
    for kind in ("images", "labels"):
        (here / "set" / kind / "val").mkdir(parents=True)
    rows = []
    for class_id, (x0, y0, x1, y1) in enumerate((NUT, BOLT)):
        box = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
        rows.append(" ".join([str(class_id), *(f"{side / 64:.6f}" for side in box)]))
    for index in range(12):
        image = np.full((64, 64, 3), 40 + index, np.uint8)
        cv2.imwrite(str(here / f"set/images/val/{index:02d}.png"), image)
        (here / f"set/labels/val/{index:02d}.txt").write_text("\n".join(rows))
    path = here / "set" / "data.yaml"
    path.write_text("val: images/val\nnames: [nut, bolt]\n")
    return path


def write(
    name: str,
    boxes: Sequence[Sequence[float]] = (NUT, BOLT),
    scores: Sequence[Sequence[float]] = RIGHT,
    names: tuple[str, ...] = ("nut", "bolt"),
) -> Path:
    """Write a model that finds these boxes in any picture."""
    metadata = {**ULTRALYTICS, "names": str(dict(enumerate(names)))}
    return save_model(Path(name), raw_table(boxes, scores), metadata=metadata)


def verify(model: Path, other: Path | None = None, **options: Any) -> VerifyRun:
    values = {"model": model, "other": other, "provider": "cpu", "no_timing": True, "threads": 1}
    if other is None:
        del values["other"]
    return verify_models(VerifyConfig.build(values | options))


def find(report: VerifyReport, name: str) -> list[Check]:
    return [check for check in report.checks if check.name == name]


class TestWithLabels:
    def test_a_model_that_finds_the_same_is_as_good(self, data: Path) -> None:
        other = write("b.onnx", scores=((0.8, 0.0), (0.0, 0.7)))
        report = verify(write("a.onnx"), other, data=data).report
        assert report.is_good
        assert report.accuracy is not None
        assert report.accuracy.first == report.accuracy.second == pytest.approx(1)
        assert (report.images, report.available, report.split) == (12, 12, "val")
        assert (report.boxes.pairs, report.boxes.only_first, report.boxes.only_second) == (24, 0, 0)
        assert report.boxes.median_score_diff == pytest.approx(0.1, abs=1e-6)
        assert find(report, "boxes")[0].holds is None, "labels decide"

    def test_scores_that_fell_are_caught_though_their_order_is_the_same(self, data: Path) -> None:
        """All that mAP sees is the order; at the usual threshold nothing would be left."""
        other = write("b.onnx", scores=((0.09, 0.0), (0.0, 0.08)))
        report = verify(write("a.onnx"), other, data=data).report
        assert report.accuracy is not None
        assert report.accuracy.lost == 0
        assert not report.is_good
        (check,) = find(report, "scores")
        assert "mean F1 is 0.000, and 1.000 for the first" in check.text

    def test_one_that_loses_a_class_is_not(self, data: Path) -> None:
        other = write("c.onnx", boxes=(NUT, (32, 16, 50, 30)))
        report = verify(write("a.onnx"), other, data=data).report
        assert not report.is_good
        maps = report.accuracy
        assert maps is not None
        assert maps.lost == pytest.approx(0.5)
        assert [one.name for one in maps.classes] == ["bolt", "nut"]
        assert [one.lost for one in maps.classes] == pytest.approx([1, 0])
        assert maps.low == maps.high == pytest.approx(0.5), "every picture is the same"
        (check,) = find(report, "accuracy")
        assert "it loses 0.5000, and a loss of 0.002 is allowed" in check.text
        assert report.most_different[0].only_first == 1
        assert report.most_different[0].only_second == 1

    def test_how_much_may_be_lost_can_be_said(self, data: Path) -> None:
        pair = write("a.onnx"), write("b.onnx", boxes=(NUT, (32, 16, 63, 46)))
        strict = verify(*pair, data=data, max_map_drop=0).report
        assert strict.accuracy is not None
        assert not strict.is_good
        assert verify(*pair, data=data, max_map_drop=strict.accuracy.lost).report.is_good

    def test_another_order_of_classes_is_told_and_matched_by_name(self, data: Path) -> None:
        swapped = tuple(tuple(reversed(row)) for row in RIGHT)
        other = write("b.onnx", scores=swapped, names=("bolt", "nut"))
        report = verify(write("a.onnx"), other, data=data).report
        assert report.is_good
        assert report.boxes.pairs == 24
        (told,) = find(report, "classes")
        assert told.holds is None
        assert "number 0 is 'nut' in the first model and 'bolt' in the second" in told.text

    def test_a_wrong_order_of_classes_is_caught(self, data: Path) -> None:
        other = write("b.onnx", names=("bolt", "nut"))
        report = verify(write("a.onnx"), other, data=data).report
        assert not report.is_good
        assert report.accuracy is not None
        assert report.accuracy.second == 0
        assert find(report, "classes")

    def test_only_some_images_are_measured_if_that_is_asked_for(self, data: Path) -> None:
        report = verify(write("a.onnx"), write("b.onnx", boxes=(NUT, NUT)), data=data, images=5)
        assert (report.report.images, report.report.available) == (5, 12)

    def test_without_labels_there_is_nothing_to_measure(self, data: Path) -> None:
        for path in data.parent.glob("labels/val/*.txt"):
            path.unlink()
        with pytest.raises(DataError, match="no image of the split val has a label"):
            verify(write("a.onnx"), write("b.onnx", boxes=(NUT, NUT)), data=data)


class TestWithoutLabels:
    def test_the_boxes_on_shipped_images_decide(self) -> None:
        report = verify(write("a.onnx"), write("b.onnx", scores=((0.9, 0.01), RIGHT[1]))).report
        assert report.is_good
        assert report.accuracy is None
        assert report.images == 16
        report = verify(write("a.onnx"), write("c.onnx", boxes=(NUT, (30, 16, 64, 48)))).report
        assert not report.is_good
        (check,) = find(report, "boxes")
        assert "16 pairs that moved" in check.text
        report = verify(write("a.onnx"), write("d.onnx", scores=((0.9, 0), (0, 0)))).report
        assert "16 of the first model alone, 0 of the second" in find(report, "boxes")[0].text
        assert not report.is_good

    def test_a_class_that_is_not_there_cannot_be_found(self) -> None:
        scores = ((0.9,), (0.0,))
        report = verify(write("a.onnx"), write("b.onnx", scores=scores, names=("nut",))).report
        assert not report.is_good
        assert "does not know 'bolt'" in find(report, "classes")[0].text

    def test_one_class_twice_is_matched_with_nothing(self) -> None:
        with pytest.raises(ConfigError, match="the second model has several classes called 'nut'"):
            verify(write("a.onnx"), write("b.onnx", names=("nut", "nut")))

    def test_the_same_twice_proves_nothing(self) -> None:
        with pytest.raises(ConfigError, match="there is nothing to compare") as caught:
            verify(write("a.onnx"))
        assert "--provider" in str(caught.value.hint)


class TestEngine:
    """One file on an engine that computes something else, and says nothing."""

    @pytest.fixture(params=["half_scores", "move_boxes"])
    def wrong(self, request: pytest.FixtureRequest, here: Path) -> Iterator[str]:
        source = WRONG.replace("WHAT", request.param)
        with plugged_in(yolokit.runtime.providers, here / "plugins", "wrong", source):
            yield request.param

    def test_it_is_caught(self, wrong: str) -> None:
        report = verify(write("a.onnx"), provider="wrong").report
        assert not report.is_good
        (check,) = find(report, "outputs")
        what = "scores" if wrong == "half_scores" else "boxes"
        assert f"raw {what} differ" in check.text
        assert (report.first.provider, report.second.provider) == ("cpu", "wrong")

    def test_it_is_caught_on_labels_too_and_ends_in_an_exit_code(
        self, wrong: str, data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        del wrong
        line = ["verify", str(write("a.onnx")), "--provider", "wrong", "--data", str(data)]
        with pytest.raises(SystemExit) as ended:
            main([*line, "--no-timing", "--threads", "1"])
        assert ended.value.code == 5
        printed = capsys.readouterr().out
        assert "a.onnx on wrong does not compute what a.onnx on cpu does" in printed

    def test_an_engine_that_computes_the_same_passes(
        self, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = WRONG.replace("WHAT(output.copy())", "output")
        with plugged_in(yolokit.runtime.providers, here / "plugins", "wrong", source):
            with pytest.raises(SystemExit) as ended:
                main(["verify", str(write("a.onnx")), "--provider", "wrong", "--no-timing"])
            assert ended.value.code == 0
        assert "a.onnx on wrong computes what a.onnx on cpu does" in capsys.readouterr().out


class TestOptions:
    def test_a_checkpoint_alone_has_no_other_engine(self) -> None:
        with pytest.raises(ConfigError, match="torch alone runs"):
            verify(Path("best.pt"))

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"max_map_drop": 0.1}, "no effect without --data"),
            ({"imgsz": 640}, "neither model is a checkpoint"),
            ({"provider": "cudda"}, "cuda"),
            ({"reference_provider": "cudda"}, "reference_provider"),
        ],
    )
    def test_what_has_no_effect_is_a_mistake(self, options: Any, words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            verify(Path("a.onnx"), Path("b.onnx"), **options)


class TestRecord:
    def test_it_is_written_whole_and_replaced_only_if_asked(self, data: Path) -> None:
        pair = write("a.onnx"), write("b.onnx", boxes=(NUT, (32, 16, 50, 30)))
        run = verify(*pair, data=data, report=True)
        assert run.path == Path("runs/verify/b/verify.json")
        assert run.page == Path("runs/verify/b/report.html")
        record = json.loads(run.path.read_text())
        assert record["is_good"] is False
        assert record["first"]["sha256"] != record["second"]["sha256"]
        assert record["accuracy"]["lost"] == pytest.approx(0.5)
        assert len(record["most_different"]) == 12
        with pytest.raises(OutputExistsError):
            verify(*pair, data=data, name="b")
        verify(*pair, data=data, name="b", overwrite=True, report=True)
        run.path.write_text("{}")
        with pytest.raises(OutputExistsError, match="not an earlier result of `yolokit verify`"):
            verify(*pair, data=data, name="b", overwrite=True)

    def test_json_is_one_line_and_writes_nothing(
        self, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pair = [str(write("a.onnx")), str(write("b.onnx", boxes=(NUT, NUT)))]
        with pytest.raises(SystemExit):
            main(["verify", *pair, "--provider", "cpu", "--no-timing", "--json"])
        (line,) = capsys.readouterr().out.splitlines()
        assert json.loads(line)["is_good"] is False
        assert not (here / "runs").exists()

    @pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)
    @pytest.mark.parametrize(("width_px", "dark"), [(360, True), (1200, False)])
    def test_the_page_opens(self, data: Path, width_px: int, dark: bool) -> None:
        """A class name is text of others: it is shown, never run."""
        names = ("<script>alert(1)</script>", "bolt")
        data.write_text(f"val: images/val\nnames: ['{names[0]}', bolt]\n")
        pair = (write("a.onnx", names=names), write("b.onnx", boxes=(NUT, NUT), names=names))
        page = verify(*pair, data=data, report=True).page
        assert page is not None
        text = page.read_text()
        assert "<script" not in text
        assert text.count("data:image/jpeg") == 8
        assert "b.onnx is not as good as a.onnx" in text
        png, console = photograph(page, width_px=width_px, dark=dark)
        assert console == []
        assert len(png) > 10_000
