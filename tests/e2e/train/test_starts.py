"""Every kind of start, by the commands: fetched, taken over, accounted for, trained, exported."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, START, run_yolokit
from tests.loopback.server import Site, serve
from yolokit.engine_protocol.child import child_environment
from yolokit.files.digest import sha256_file
from yolokit.train.arch import find_arch

pytestmark = pytest.mark.slow
SMALL = ("--epochs", 1, "--imgsz", 64, "--batch", 4, "--device", "cpu")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints as they are published, with random weights."""
    folder = tmp_path_factory.mktemp("published")
    script = ROOT / "tests" / "make_checkpoints.py"
    environment = child_environment(folder) | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, script, folder], check=True, env=environment)
    return folder


@pytest.fixture
def mirror(published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """A mirror with those files; the store is a fresh one."""
    site = Site(files={f"/{path.name}": path.read_bytes() for path in published.glob("*.pt")})
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    with serve(site) as address:
        monkeypatch.setenv("YOLOKIT_WEIGHTS_MIRROR", address)
        yield site


def train(data: Path, name: str, *options: object, code: int = 0) -> dict[str, Any]:
    """Train for one epoch and return the run's record, or what was said if it is refused."""
    done = run_yolokit(
        "train", "--data", data, *SMALL, "--name", name, *options, cwd=data.parent, code=code
    )
    if code:
        return {"stderr": done.stderr}
    record: dict[str, Any] = json.loads((run_dir(data, name) / "run.json").read_text())
    return record | {"stderr": done.stderr}


def run_dir(data: Path, name: str) -> Path:
    return data.parent / "runs" / "train" / name


def count(record: dict[str, Any], part: str, action: str) -> int:
    groups = record["start"]["groups"]
    return sum(
        group["tensors"] for group in groups if (group["part"], group["action"]) == (part, action)
    )


def test_a_name_of_the_catalog_is_fetched_locked_and_taken_over_whole(
    squares: Path, mirror: Site
) -> None:
    record = train(squares, "coco", "--weights", "yolov5nu")
    assert "unverified, locked now" in record["stderr"]
    assert record["weights"]["name"] == "yolov5nu"
    assert record["weights"]["url"].endswith("/yolov5nu.pt")
    assert record["weights"]["chain"] == [record["weights"]["sha256"]]
    assert record["start"]["kind"] == "network"
    for part in ("backbone", "neck"):
        assert count(record, part, "fresh") == 0
        assert count(record, part, "taken") > 50
    reshaped = [g for g in record["start"]["groups"] if g["action"] == "reshaped"]
    assert reshaped[0]["reason"] == "class rows of square by name"
    assert reshaped[0]["tensors"] == 6
    assert count(record, "head", "fresh") == 0
    assert len(mirror.requests) == 1
    again = train(squares, "again", "--weights", "yolov5nu", "--offline")
    assert again["start"] == record["start"]
    assert len(mirror.requests) == 1


def test_imagenet_takes_the_backbone_of_the_matching_classifier(
    squares: Path, mirror: Site
) -> None:
    options = ("--arch", "yolov8s", "--init", "imagenet", "--freeze", "backbone")
    record = train(squares, "imagenet", *options)
    assert [request.path for request in mirror.requests] == ["/yolov8s-cls.pt"]
    assert record["weights"]["name"] == "yolov8s-cls"
    fresh = {g["part"]: g["reason"] for g in record["start"]["groups"] if g["action"] == "fresh"}
    assert fresh == {
        "backbone": "layer 9 (SPPF) is Classify in the source, SPPF here",
        "neck": "only the backbone was asked for",
        "head": "only the backbone was asked for",
    }
    assert count(record, "backbone", "taken") == 150
    assert count(record, "backbone", "fresh") == 12
    assert [(g["part"], g["tensors"]) for g in record["start"]["left"]] == [("head", 8)]
    assert record["start"]["frozen"] == list(range(9))
    assert record["start"]["unfrozen"] == [9]
    assert "frozen: layers 0-8\n" in record["stderr"]
    assert "not frozen, although asked for: layer 9; fresh" in record["stderr"]
    best = run_dir(squares, "imagenet") / "best.pt"
    moved = {name.split(".")[1] for name in list_moved(squares.parent / "home", best)}
    assert "9" in moved
    assert not moved & {str(index) for index in range(9)}
    assert list_epsilons(best) == {"first": 1e-5, "head": 1e-3}  # the classifier's, upstream's


def list_moved(home: Path, best: Path) -> list[str]:
    """Return the tensors of a run that are not those of the classifier in this store."""
    classifier = next(home.rglob("yolov8s-cls.pt"))
    program = (
        "import sys, torch\n"
        "from yolokit.engine import ultralytics_patches\n"
        "load = ultralytics_patches.load_model\n"
        "a, b = (load(p)[0].float().state_dict() for p in sys.argv[1:])\n"
        "for name in b:\n"
        "    same = name in a and torch.equal(a[name], b[name])\n"
        "    if not same and 'num_batches' not in name: print('DIFF', name)\n"
    )
    lines = run_engine(program, classifier, best).splitlines()
    return [line.split()[1] for line in lines if line.startswith("DIFF")]


def test_names_that_differ_in_case_alone_keep_rows_of_their_own(
    squares: Path, published: Path
) -> None:
    """Upstream rebuilds the model and would find both names in the last row of the two."""
    squares.write_text(squares.read_text().replace("[square]", "[square, Square]"))
    options = ("--weights", published / "twins.pt", "--config", squares.parent / "slow.yaml")
    (squares.parent / "slow.yaml").write_text("optimizer: SGD\nlr0: 1.0e-6\nwarmup_epochs: 0\n")
    record = train(squares, "twins", *options)
    assert {group["action"] for group in record["start"]["groups"]} == {"taken"}
    program = (
        "import sys, torch\n"
        "from yolokit.engine import ultralytics_patches\n"
        "rows = ultralytics_patches.load_model(sys.argv[1])[0].model[-1].cv3[0][-1].weight\n"
        "print('APART', float((rows[0] - rows[1]).abs().max()))\n"
    )
    best = run_dir(squares, "twins") / "best.pt"
    assert float(run_engine(program, best).rsplit("APART", 1)[1]) > 0.01


def test_freezing_what_is_fresh_is_refused(squares: Path, published: Path) -> None:
    refused = train(squares, "no", "--arch", "yolo11n", "--freeze", "backbone", code=2)
    assert "with weights none all layers are fresh" in refused["stderr"]
    assert not run_dir(squares, "no").exists()


def test_the_backbone_of_a_checkpoint_of_another_task(squares: Path, published: Path) -> None:
    refused = train(squares, "no", "--weights", published / "seg.pt", code=4)
    assert "it ends in Segment" in refused["stderr"]
    assert not run_dir(squares, "no").exists()
    options = ("--weights", published / "seg.pt", "--init", "backbone", "--arch", "yolo11n")
    record = train(squares, "seg", *options, "--freeze", "backbone")
    assert count(record, "backbone", "fresh") == 0
    assert count(record, "neck", "taken") == 0
    misfit = train(
        squares, "misfit", "--weights", published / "seg.pt", "--init", "backbone",
        "--arch", "yolo11s", code=4,
    )  # fmt: skip
    assert (
        "only 0 layers are alike from the start, and the stages up to stride 16 have 7"
        in misfit["stderr"]
    )


def test_a_chain_of_ones_own_and_a_frozen_part(squares: Path) -> None:
    first = train(squares, "first", "--weights", START, "--freeze", "neck")
    assert set(first["outputs"]) == {"best.pt", "last.pt"}
    best = run_dir(squares, "first") / "best.pt"
    second = train(squares, "second", "--weights", best)
    own = sha256_file(best)
    said = run_yolokit("weights", "info", best, "--json", cwd=squares.parent)
    assert json.loads(said.stdout)["descends_from"] == [sha256_file(START)]
    assert first["outputs"]["best.pt"] == own
    assert second["weights"]["chain"] == [sha256_file(START), own]
    assert second["start"]["groups"] == [
        {**group, "action": "taken", "reason": ""} for group in second["start"]["groups"]
    ]
    changed = compare(START, best)
    assert changed
    assert all(name.startswith("model.23.") for name in changed)  # the head alone


def test_darknets_own_format(squares: Path, test_data: Path) -> None:
    weights = squares.parent / "yolov3-tiny.weights"
    weights.write_bytes((test_data / "darknet" / weights.name).read_bytes())
    record = train(squares, "tiny", "--weights", weights)
    assert record["arch"] == "darknet-yolov3-tiny"
    assert (count(record, "backbone", "taken"), count(record, "neck", "taken")) == (36, 30)
    assert count(record, "head", "taken") == 0
    run_yolokit("export", "runs/train/tiny/best.pt", "--data", squares, cwd=squares.parent)
    only = train(squares, "only", "--weights", weights, "--init", "backbone")
    assert (count(only, "backbone", "taken"), count(only, "neck", "taken")) == (36, 0)
    chained = train(squares, "chained", "--weights", run_dir(squares, "tiny") / "best.pt")
    assert chained["start"]["kind"] == "network"
    assert count(chained, "backbone", "fresh") == 0
    best = run_dir(squares, "chained") / "best.pt"
    assert list_epsilons(best) == {"first": 1e-6, "head": 1e-6}  # Darknet's, twice rebuilt


def test_darknet_files_of_a_wrong_length_or_kind(test_data: Path, tmp_path: Path) -> None:
    """Each is refused with what is wrong; all are read by one process, as the engine reads them."""
    whole = (test_data / "darknet" / "yolov3-tiny.weights").read_bytes()
    cases = [
        ("a.weights", whole[:-4], "ends within layer 19"),
        ("b.weights", whole + bytes(4), "1 value is left after the last layer"),
        ("c.weights", whole[:-1], "ends within a value"),
        ("d.weights", whole[:6_000_000], "called NAME.conv.N"),
        ("e.conv.3", whole[:2_000], "ends within layer 0"),
        ("f.conv.13", whole[: 20 + 4 * (16 * 27 + 4 * 16)], "ends within layer 2"),
        ("g.weights", whole[:8], "it has 8 bytes"),
        ("h.weights", b"", "it has 0 bytes"),
        ("i.weights", struct.pack("<3i", 2000, 2, 0) + whole[12:], "it says 2000.2"),
        ("j.weights", struct.pack("<3i", -1, 2, 0) + whole[12:], "it says -1.2"),
        # A header before 0.2 has a count of 32 bits: everything behind it shifts.
        ("k.weights", struct.pack("<3i", 0, 1, 0) + whole[12:], "1 value is left"),
        ("l.weights", struct.pack("<3i", 0, 1, 0) + whole[16:], "taken"),
        ("m.weights", struct.pack("<3i", 1, 0, 0) + whole[12:], "taken"),
        (
            "n.weights",
            whole[:40_000] + b"\xff" * 4 + whole[40_004:],
            "of model.4.conv.weight is NaN",
        ),
    ]
    for name, content, _words in cases:
        (tmp_path / name).write_bytes(content)
    arch = find_arch("darknet-yolov3-tiny").write_to(tmp_path)
    files = [tmp_path / name for name, _, _ in cases]
    program: list[str | Path] = [
        sys.executable,
        ROOT / "tests" / "darknet" / "try_files.py",
        arch,
        *files,
    ]
    environment = child_environment(tmp_path) | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    said = dict(line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    for name, _, words in cases:
        assert words in said[name]


def test_a_refused_start_leaves_nothing(squares: Path, test_data: Path) -> None:
    weights = squares.parent / "yolov3-tiny.weights"
    weights.write_bytes((test_data / "darknet" / weights.name).read_bytes()[:-4])
    refused = train(squares, "no", "--weights", weights, code=4)
    assert "has a wrong length" in refused["stderr"]
    assert "log" not in refused["stderr"]
    assert not run_dir(squares, "no").exists()


def test_a_partial_darknet_file(squares: Path, test_data: Path) -> None:
    """The first 13 layers, as ``darknet partial`` writes them: the backbone and one convolution."""
    content = (test_data / "darknet" / "yolov3-tiny.weights").read_bytes()
    backbone, following = 1_575_798 - 6, 512 * 1024 * 9 + 4 * 1024  # counters are not in the file
    partial = squares.parent / "yolov3-tiny.conv.13"
    partial.write_bytes(content[: 20 + 4 * (backbone + following)])
    record = train(squares, "partial", "--weights", partial)
    assert (count(record, "backbone", "taken"), count(record, "neck", "taken")) == (36, 6)
    reasons = [g["reason"] for g in record["start"]["groups"] if g["part"] == "neck"]
    assert "the file ends before these layers" in reasons


def test_a_torchvision_backbone_all_the_way(squares: Path, published: Path) -> None:
    backbone = "torchvision:shufflenet_v2_x0_5"
    weights = published / "shufflenet.pth"
    record = train(
        squares, "tv", "--backbone", backbone, "--weights", weights, "--arch", "yolo11n",
        "--freeze", 1,
    )  # fmt: skip
    taken = [g for g in record["start"]["groups"] if g["action"] == "taken"]
    assert [g["part"] for g in taken] == ["backbone"]
    assert taken[0]["tensors"] == 336
    best = run_dir(squares, "tv") / "best.pt"
    chained = train(squares, "chained", "--weights", best)
    assert {g["action"] for g in chained["start"]["groups"]} == {"taken"}
    rebuilt = run_dir(squares, "chained") / "best.pt"
    assert list_epsilons(rebuilt) == {"first": 1e-5, "head": 1e-3}  # torchvision's, upstream's
    exported = run_yolokit("export", best, "--data", squares, cwd=squares.parent)
    assert "all matched" in exported.stderr
    predicted = run_yolokit(
        "predict", best.with_suffix(".onnx"), squares.parent / "images" / "val", "--json",
        cwd=squares.parent,
    )  # fmt: skip
    assert len(predicted.stdout.splitlines()) >= 4
    run_yolokit("train", "--resume", "--name", "chained", cwd=squares.parent, code=1)


def test_a_torchvision_backbone_that_is_none_or_does_not_fit(
    squares: Path, published: Path
) -> None:
    alexnet = train(squares, "no", "--backbone", "torchvision:alexnet", code=2)
    assert "it gives strides 4.06, 8.26, 17.07" in alexnet["stderr"]
    unknown = train(squares, "no", "--backbone", "torchvision:resnet51", code=2)
    assert "did you mean 'resnet" in unknown["stderr"]
    weights = published / "shufflenet.pth"
    misfit = train(
        squares, "no", "--backbone", "torchvision:resnet18", "--weights", weights, code=4
    )
    assert "holds no weights of torchvision's resnet18" in misfit["stderr"]
    assert not run_dir(squares, "no").exists()


def test_what_needs_more_than_weights_is_refused_unless_that_very_file_is_trusted(
    squares: Path, published: Path
) -> None:
    odd = published / "odd.pt"
    refused = train(squares, "no", "--weights", odd, code=4)
    assert "fractions.Fraction" in refused["stderr"]
    assert f"--trust {odd}" in refused["stderr"]
    other = train(squares, "no", "--weights", odd, "--trust", START, code=2)
    assert "is not the file that is loaded" in other["stderr"]
    record = train(squares, "odd", "--weights", odd, "--trust", odd)
    assert count(record, "backbone", "fresh") == 0
    train(squares, "clean", "--weights", run_dir(squares, "odd") / "best.pt")
    run_yolokit("export", odd, "--out", "no.onnx", cwd=squares.parent, code=4)
    run_yolokit("export", odd, "--out", "yes.onnx", "--trust", odd, cwd=squares.parent)


def test_taking_fewer_tensors_than_expected_is_an_error(squares: Path, published: Path) -> None:
    refused = train(squares, "no", "--weights", published / "pruned.pt", code=4)
    assert "fits only in part" in refused["stderr"]
    assert "of the backbone: the source has no such tensor" in refused["stderr"]
    assert not run_dir(squares, "no").exists()


def test_a_legacy_yolov5_is_named_with_the_file_that_works(squares: Path) -> None:
    weights = squares.parent / "yolov5s.pt"
    with zipfile.ZipFile(weights, "w") as archive:
        content = pickle.dumps({}, protocol=2)[:-1] + b"cmodels.yolo\nModel\n."
        archive.writestr("archive/data.pkl", content)
    refused = train(squares, "no", "--weights", weights, code=4)
    assert "the original YOLOv5 repository" in refused["stderr"]
    assert "yolov5su" in refused["stderr"]


def list_epsilons(checkpoint: Path) -> dict[str, float]:
    """Return batch norm's epsilon in the first layer and in the head."""
    program = (
        "import json, sys, torch\n"
        "from yolokit.engine import ultralytics_patches\n"
        "layers = ultralytics_patches.load_model(sys.argv[1])[0].model\n"
        "first, head = ([m.eps for m in layers[i].modules() if isinstance(m, torch.nn.BatchNorm2d)]"
        " for i in (0, -1))\n"
        "print('EPS' + json.dumps({'first': first[0], 'head': head[0]}))\n"
    )
    found: dict[str, float] = json.loads(run_engine(program, checkpoint).rsplit("EPS", 1)[1])
    return found


def compare(first: Path, second: Path) -> list[str]:
    """Return the names of tensors that differ, batch norm's counters aside."""
    program = (
        "import sys, torch\n"
        "from yolokit.engine import ultralytics_patches\n"
        "a, b = (ultralytics_patches.load_model(p)[0].state_dict() for p in sys.argv[1:])\n"
        "for name in a:\n"
        "    same = name in b and torch.equal(a[name], b[name])\n"
        "    if not same and 'num_batches' not in name: print('DIFF', name)\n"
    )
    lines = run_engine(program, first, second).splitlines()
    return [line.split()[1] for line in lines if line.startswith("DIFF")]


def run_engine(program: str, *paths: Path) -> str:
    """Run a program in a process that has torch, and return its stdout."""
    done = subprocess.run(
        [sys.executable, "-c", program, *paths],
        capture_output=True, text=True, check=True, env=child_environment(paths[-1].parent),
    )  # fmt: skip
    return done.stdout
